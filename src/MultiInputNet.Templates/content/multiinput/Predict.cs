using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Images;

namespace MultiInputApp;

internal static class Predict
{
    public static void Run(string path, string[] row, string[] images, string? table)
    {
        using var model = Predictor.Load(path);

        // A row is a dictionary of texts, as in the file: what was learned in training turns them into numbers.
        if (row.Length > 0)
        {
            var texts = new Dictionary<string, string?>();
            foreach (var cell in row)
                texts[cell.Split('=', 2)[0]] = cell.Split('=', 2).ElementAtOrDefault(1);
            var plant = model.Predict("plant", texts);
            Console.WriteLine(plant); // the class and its probability, or a value if the target is a number
        }

        foreach (var image in images)
        {
            var photo = model.Predict("photo", image);
            Console.WriteLine($"{image}: {photo.ClassName} {photo.Probability:0.000}; then {photo.Top(2)[^1]}");
        }

        // Many samples are read and predicted batch by batch. The column to predict need not be there.
        if (table is not null)
        {
            var rows = CsvSource.Unlabelled("plant", model.Description.Input<TabularInput>("plant"), table);
            foreach (var sample in model.Predict(rows))
                Console.WriteLine($"{rows.NameOf(sample.Row)}: {sample["plant"]}");
        }
    }
}
