using System.Text;
using MultiInputNet;
using MultiInputNet.Data;

/// <summary>
/// Writes answers as CSV (RFC 4180), one row for each sample, to standard output or to a file that appears under its name once it is
/// complete.
/// </summary>
internal sealed class PredictionTable : IDisposable
{
    /// <summary>With more classes, the most probable are written instead of all.</summary>
    private const int MostClasses = 100;
    private const int MostProbable = 5;

    private readonly string? path;
    private readonly string? beside;
    private readonly StreamWriter writer;
    private bool hasHeader;

    /// <param name="path">The file; null for standard output.</param>
    public PredictionTable(string? path)
    {
        this.path = path;
        beside = path is null ? null : $"{path}.{Guid.NewGuid():N}.tmp";
        writer = new(beside is null ? Console.OpenStandardOutput() : new FileStream(beside, FileMode.CreateNew), new UTF8Encoding(false), bufferSize: 1 << 16) { NewLine = "\n" };
    }

    /// <summary>Writes a row; before the first one, the header.</summary>
    public void Write(string name, IReadOnlyDictionary<string, Prediction> answers)
    {
        var cells = answers.Values.SelectMany(Cells).ToArray();
        if (!hasHeader)
            WriteRow(["name", .. cells.Select(cell => cell.Header)]);
        hasHeader = true;
        WriteRow([name, .. cells.Select(cell => cell.Text)]);
    }

    /// <summary>Gives the file its name.</summary>
    public void Complete()
    {
        writer.Dispose();
        if (beside is not null)
            File.Move(beside, path!, overwrite: true);
    }

    public void Dispose()
    {
        writer.Dispose();
        if (beside is not null)
            File.Delete(beside);
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

    private void WriteRow(IEnumerable<string> cells) => writer.WriteLine(string.Join(',', cells.Select(CsvCell.Of)));
}
