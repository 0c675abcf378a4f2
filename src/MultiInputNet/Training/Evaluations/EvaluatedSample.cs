namespace MultiInputNet.Training;

/// <summary>The prediction for a sample of an evaluation, and its label.</summary>
public sealed class EvaluatedSample
{
    internal EvaluatedSample(string source, long row, string name, IReadOnlyList<double> label, Prediction prediction) =>
        (Source, Row, Name, Label, Prediction) = (source, row, name, label, prediction);

    /// <summary>The name of the source.</summary>
    public string Source { get; }

    /// <summary>The number of the sample in the source, from 0.</summary>
    public long Row { get; }

    /// <summary>The name of the sample, such as its file: <see cref="Data.DataSource.NameOf"/>.</summary>
    public string Name { get; }

    /// <summary>
    /// The label as the source holds it: the number of the class, a number from 0 to 1 for each label, or the values. Missing is a number
    /// below 0 for a class, and NaN otherwise.
    /// </summary>
    public IReadOnlyList<double> Label { get; }

    /// <summary>The prediction.</summary>
    public Prediction Prediction { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Prediction}";
}
