using MultiInputNet;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;

/// <summary>Loads the saved model and classifies the first test rows of each data set.</summary>
internal static class Prediction
{
    public static int Run(string path, int rows)
    {
        if (!File.Exists(path))
        {
            Console.Error.WriteLine($"There is no model at '{path}'. Train one first: run without --predict.");
            return 1;
        }

        MultiInputModel model;
        try
        {
            model = MultiInputModel.Load(path);
        }
        catch (MultiInputException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }

        using var loaded = model;
        using var noGrad = no_grad();
        var table = new Table().AddColumns("input", "test row", "class", "predicted", "probability");
        foreach (var data in DataSet.All)
        {
            using var scope = NewDisposeScope();
            var test = Samples.Load(data, validate: false).Held;
            var count = Math.Min(rows, test.Count);
            var probabilities = model.forward(test.Inputs[data.Name][..(int)count].to(model.Device), data.Name).softmax(1).cpu();
            var (best, predicted) = probabilities.max(1);
            for (var i = 0; i < count; i++)
            {
                var (right, guess) = (test.Targets[data.Name][i].ToInt64(), predicted[i].ToInt64());
                table.AddRow(
                    data.Name,
                    $"{i + 1}",
                    data.ClassNames[right],
                    $"[{(guess == right ? "green" : "red")}]{data.ClassNames[guess]}[/]",
                    $"{best[i].ToSingle():0.000}");
            }
        }

        AnsiConsole.Write(table);
        return 0;
    }
}
