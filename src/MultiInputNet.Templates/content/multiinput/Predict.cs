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
            var texts = row.Select(cell => cell.Split('=', 2)).ToDictionary(cell => cell[0], cell => cell.ElementAtOrDefault(1));
            var plant = model.Predict("plant", InputValue.Row(texts));
            Console.WriteLine(string.Join(", ", plant.Top(3).Select(its => $"{its.Name} {its.Probability:0.000}")));
        }

        foreach (var image in images)
        {
            var photo = model.Predict("photo", image);
            Console.WriteLine($"{image}: {photo.ClassName} {photo.Probability:0.000}");
        }

        // Many samples are read and predicted batch by batch. The column to predict need not be there.
        if (table is not null)
        {
            var rows = CsvSource.Unlabelled("plant", model.Description.Input<TabularInput>("plant"), table);
            foreach (var sample in model.Predict(rows))
                Console.WriteLine($"{rows.NameOf(sample.Row)}: {sample["plant"].ClassName} {sample["plant"].Probability:0.000}");
        }
    }
}
