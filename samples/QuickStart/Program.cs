using System.CommandLine;

// One base for four kinds of real data: trains it, shows a table, saves it; or loads it and classifies rows.
var file = new Option<FileInfo>("--model") { Description = "Where the model is saved and loaded.", DefaultValueFactory = _ => new("quickstart.safetensors") };
var predict = new Option<bool>("--predict") { Description = "Load the saved model and classify test rows instead of training." };
var rows = new Option<int>("--rows") { Description = "Rows of each data set that --predict classifies.", DefaultValueFactory = _ => 5 };
var compare = new Option<bool>("--compare") { Description = "Train four separate models of the same total size too." };
var validate = new Option<bool>("--validate") { Description = "Leave the test rows alone: train on 80% of the training rows and measure on the others." };
var steps = new Option<int>("--steps") { Description = "Training steps.", DefaultValueFactory = _ => 2000 };
var seeds = new Option<int[]>("--seeds")
{
    Description = "Seeds to train with, one after the other; the table shows the mean of all.",
    DefaultValueFactory = _ => [0],
    AllowMultipleArgumentsPerToken = true,
};
foreach (var option in new[] { rows, steps })
{
    option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < 1)
            result.AddError($"{option.Name} needs a number of at least 1.");
    });
}

var command = new RootCommand("Trains one model on digits (grayscale images), landsat (4-band images), dna (sequences) and letter (a table).")
{
    file, predict, rows, compare, validate, steps, seeds,
};
command.SetAction(arguments =>
{
    var path = arguments.GetValue(file)!.FullName;
    if (arguments.GetValue(predict))
        return Prediction.Run(path, arguments.GetValue(rows));
    return Training.Run(path, arguments.GetValue(seeds)!, arguments.GetValue(steps), arguments.GetValue(compare), arguments.GetValue(validate));
});
return command.Parse(args).Invoke();
