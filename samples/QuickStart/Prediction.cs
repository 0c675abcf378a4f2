using MultiInputNet;
using Spectre.Console;

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

        using var predictor = Predictor.Load(path);
        var table = new Table().AddColumns("input", "test row", "class", "predicted", "probability");
        foreach (var data in DataSet.All)
        {
            var test = Samples.Load(data, validate: false).Held;
            var first = test.Subset([.. Enumerable.Range(0, (int)Math.Min(rows, test.Count)).Select(row => (long)row)]);
            var labels = first.Targets[data.Name].data<long>();
            foreach (var sample in predictor.Predict(first))
            {
                var (right, guess) = (labels[sample.Row], sample[data.Name]);
                table.AddRow(
                    data.Name,
                    $"{sample.Row + 1}",
                    data.ClassNames[right],
                    $"[{(guess.ClassIndex == right ? "green" : "red")}]{guess.ClassName}[/]",
                    $"{guess.Probability:0.000}");
            }
        }

        AnsiConsole.Write(table);
        return 0;
    }
}
