using System.CommandLine;
using MultiInputNet;

// One base for four kinds of real data: trains a model, prints a table and saves the model; or loads it and classifies rows.
FreedMemory.Keep();
var file = new Choice<string>("--model", "The file to save the model to, or to load it from.", text => text, "quickstart.safetensors");
var report = new Choice<string>("--report", "The file for a report of the model: what it consists of, its training, its results, what it looks at. Default: that of --model with the ending .html.", text => text);
var predict = new Option<bool>("--predict") { Description = "Load the saved model and classify test rows instead of training." };
var rows = new Choice<int>("--rows", "Rows per data set that --predict classifies.", text => CommandLine.Number(text, 1), "5");
var compare = new Option<bool>("--compare") { Description = "Also train four separate models of the same total size." };
var validate = new Option<bool>("--validate") { Description = "Do not use the test rows: train on 80% of the training rows and evaluate on the others." };
var steps = new Choice<int>("--steps", "Training steps.", text => CommandLine.Number(text, 1), "2000");
var seeds = new Option<int[]>("--seeds")
{
    Description = "Seeds to train with, one after another; the table shows the mean. Default: 0.",
    AllowMultipleArgumentsPerToken = true,
};

var command = new RootCommand("Trains one model on digits (grayscale images), landsat (4-band images), dna (sequences) and letter (a table).")
{
    file, report, predict, rows, compare, validate, steps, seeds,
};
command.SetAction(arguments =>
{
    var path = file.Of(arguments);
    if (arguments.GetValue(predict))
        return Prediction.Run(path, rows.Of(arguments));
    var page = report.IsGiven(arguments) ? report.Of(arguments) : Path.ChangeExtension(path, ".html");
    if ((CommandLine.FindOutputMistake(file.Name, path) ?? CommandLine.FindOutputMistake(report.Name, page) ?? FindClash()) is { } mistake)
    {
        Console.Error.WriteLine(mistake);
        return 1;
    }

    return Training.Run(path, page, arguments.GetValue(seeds) is { Length: > 0 } given ? given : [0], steps.Of(arguments), arguments.GetValue(compare), arguments.GetValue(validate));

    string? FindClash() => CommandLine.IsSameFile(page, path) ? $"{report.Name}: '{page}' is the file of the model; name another." : null;
});
return CommandLine.Run(command, args);
