using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <summary>What a report contains besides what the model and its data say themselves.</summary>
public sealed record ReportOptions
{
    private const int MostExamples = 100;
    private const int LargestSampleCount = 1_000_000;

    /// <summary>The heading.</summary>
    /// <value>Default: <c>Model report</c>.</value>
    public string Title
    {
        get;
        init
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(value);
            field = value;
        }
    } = "Model report";

    /// <summary>The day or time that the report states. Without it, the same model and data always give the same file.</summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public DateTimeOffset? Date { get; init; }

    /// <summary>The history of the training, for its curves.</summary>
    /// <value>Default: <see langword="null"/>, those of <see cref="Record"/>, if there is one.</value>
    public TrainingHistory? History { get; init; }

    /// <summary>What the training reported step by step, for finer curves and metrics of training batches, and gradients if it measured them.</summary>
    /// <value>Default: <see langword="null"/>, the curves have a point for each epoch, and no gradients over the training are shown.</value>
    public TrainingRecord? Record { get; init; }

    /// <summary>Each task trained together with the others and alone, from <see cref="Insight.JointAgainstAlone"/>.</summary>
    /// <value>Default: <see langword="null"/>, it is not shown.</value>
    public IReadOnlyList<JointComparison>? Comparison { get; init; }

    /// <summary>How many of the worst mistakes of each task are shown, from 0 to 100.</summary>
    /// <value>Default: 8.</value>
    public int Mistakes { get; init => field = Check(value, MostExamples, nameof(Mistakes)); } = 8;

    /// <summary>How many samples of each input are shown with what the model looks at, from 0 to 100.</summary>
    /// <value>Default: 4.</value>
    public int Examples { get; init => field = Check(value, MostExamples, nameof(Examples)); } = 4;

    /// <summary>
    /// From how many evenly spaced samples of each source averages are computed where all of them would take too long: importance, embedding
    /// and similarity. From 0, which leaves them out, to 1,000,000.
    /// </summary>
    /// <value>Default: 128.</value>
    public int Samples { get; init => field = Check(value, LargestSampleCount, nameof(Samples)); } = 128;

    /// <summary>
    /// The three bands that are shown as red, green and blue, by the name of the image input: names that its projection was given
    /// (<see cref="Projections.BandStem(IReadOnlyList{string})"/>), as in <see cref="Insight.ChannelImportance"/>, or
    /// numbers from 0, such as <c>["3", "2", "1"]</c>.
    /// </summary>
    /// <value>Default: empty, which means the first three bands, and of two the first in grey.</value>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Composites
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.FirstOrDefault(pair => pair.Value is not { Count: 3 } bands || bands.Contains(null!)) is { Key: { } wrong })
                throw new ArgumentException($"The composite of input '{wrong}' does not have three bands; give those for red, green and blue.", nameof(Composites));
            field = value.ToDictionary(pair => pair.Key, IReadOnlyList<string> (pair) => [.. pair.Value]);
        }
    } = new Dictionary<string, IReadOnlyList<string>>();

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());

    private static int Check(int value, int most, string name) => value >= 0 && value <= most
        ? value
        : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"Give a number from 0 to {most:N0}."));
}
