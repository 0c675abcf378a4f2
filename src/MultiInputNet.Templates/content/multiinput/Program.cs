using System.CommandLine;
using MultiInputApp;
using MultiInputNet;

FreedMemory.Keep(); // the next batch reuses the memory of the last one; costs memory, saves time on Linux

// Trains one model on a table and a folder of images, predicts with it, and serves it.
var model = new Option<string>("--model") { Description = "The file with the model.", DefaultValueFactory = _ => "model.safetensors" };

var table = new Option<string>("--table") { Description = "A CSV file with a header.", DefaultValueFactory = _ => "data/plants.csv" };
var target = new Option<string>("--target") { Description = "The column to predict.", DefaultValueFactory = _ => "species" };
var images = new Option<string>("--images") { Description = "A folder with a folder of images for each class.", DefaultValueFactory = _ => "data/photos" };
var output = new Option<string>("--out") { Description = "The file to save the model to.", DefaultValueFactory = _ => "model.safetensors" };
var epochs = new Option<int>("--epochs") { Description = "How often the model sees the data.", DefaultValueFactory = _ => 30 };
var train = new Command("train", "Trains a model and saves it.") { table, target, images, output, epochs };
train.SetAction(arguments => Train.Run(
    arguments.GetValue(table)!, arguments.GetValue(target)!, arguments.GetValue(images)!, arguments.GetValue(output)!, arguments.GetValue(epochs)));

var row = new Option<string[]>("--row") { Description = "The values of a row: leaf_length=5.1 soil=loam", AllowMultipleArgumentsPerToken = true };
var image = new Option<string[]>("--image") { Description = "Image files.", AllowMultipleArgumentsPerToken = true };
var rows = new Option<string?>("--table") { Description = "A CSV file of rows to predict." };
var predict = new Command("predict", "Predicts a row, images or all rows of a table.") { model, row, image, rows };
predict.SetAction(arguments => Predict.Run(
    arguments.GetValue(model)!, arguments.GetValue(row)!, arguments.GetValue(image)!, arguments.GetValue(rows)));

var urls = new Option<string>("--urls") { Description = "Where to listen.", DefaultValueFactory = _ => "http://127.0.0.1:5000" };
var serve = new Command("serve", "Answers requests over HTTP until Ctrl+C.") { model, urls };
serve.SetAction(arguments => Serve.Run(arguments.GetValue(model)!, arguments.GetValue(urls)!));

try
{
    return new RootCommand("One model for a table and images.") { train, predict, serve }
        .Parse(args).Invoke(new() { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is MultiInputException or IOException)
{
    Console.Error.WriteLine(e.Message); // says what is wrong with the data or the model, and what to do
    return 1;
}
