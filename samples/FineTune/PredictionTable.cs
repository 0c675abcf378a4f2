using System.Text;
using MultiInputNet;
using MultiInputNet.Data;

/// <summary>Writes answers as CSV (RFC 4180), one row for each sample.</summary>
internal static class PredictionTable
{
    /// <summary>With more classes, the most probable are written instead of all.</summary>
    private const int MostClasses = 100;
    private const int MostProbable = 5;

    /// <summary>Writes a header and a row for each sample; nothing if there is none.</summary>
    /// <param name="path">The file, which is replaced once the new one is complete; null for standard output.</param>
    /// <param name="rows">The name of each sample, and the answer of each task.</param>
    /// <exception cref="MultiInputException">The file cannot be written.</exception>
    public static void Write(string? path, IEnumerable<(string Name, IReadOnlyDictionary<string, Prediction> Answers)> rows)
    {
        if (path is null)
            Write(Console.OpenStandardOutput(), rows);
        else
            WholeFile.Write(path, file => Write(file, rows));
    }

    private static void Write(Stream stream, IEnumerable<(string Name, IReadOnlyDictionary<string, Prediction> Answers)> rows)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), bufferSize: 1 << 16, leaveOpen: true) { NewLine = "\n" };
        var hasHeader = false;
        foreach (var (name, answers) in rows)
        {
            var cells = answers.Values.SelectMany(Cells).ToArray();
            if (!hasHeader)
                WriteRow(writer, ["name", .. cells.Select(cell => cell.Header)]);
            hasHeader = true;
            WriteRow(writer, [name, .. cells.Select(cell => cell.Text)]);
        }
    }

    private static IEnumerable<(string Header, string Text)> Cells(Prediction answer)
    {
        var task = answer.Task;
        switch (answer.Kind)
        {
            case PredictionKind.Class when answer.Classes.Count > MostClasses:
                return answer.Top(MostProbable).SelectMany((one, i) => new[]
                {
                    ($"{task}.prediction{Rank(i)}", one.Name),
                    ($"{task}.probability{Rank(i)}", CsvCell.Of(one.Probability)),
                });
            case PredictionKind.Class:
                return
                [
                    ($"{task}.prediction", answer.ClassName),
                    ($"{task}.probability", CsvCell.Of(answer.Probability)),
                    .. Probabilities(answer.Classes),
                ];
            case PredictionKind.Labels:
                return [($"{task}.prediction", string.Join(';', answer.PresentLabels)), .. Probabilities(answer.Labels)];
            default:
                var unit = answer.Unit is null ? "" : $" [{answer.Unit}]";
                return answer.Values.Select((value, i) => (
                    $"{task}.prediction{(answer.Values.Count == 1 ? "" : $".{answer.ValueNames?[i] ?? CsvCell.Of(i)}")}{unit}", CsvCell.Of(value)));
        }

        IEnumerable<(string Header, string Text)> Probabilities(IEnumerable<NamedProbability> all) =>
            all.Select(one => ($"{task}.probability.{one.Name}", CsvCell.Of(one.Probability)));
    }

    private static string Rank(int index) => index == 0 ? "" : $".{CsvCell.Of(index + 1)}";

    private static void WriteRow(StreamWriter writer, IEnumerable<string> cells) => writer.WriteLine(string.Join(',', cells.Select(CsvCell.Of)));
}
