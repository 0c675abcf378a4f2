namespace MultiInputNet.Training;

/// <summary>How many samples of a class were predicted to be of a class, the same or another: a cell of a confusion matrix.</summary>
public sealed class Confusion
{
    internal Confusion(int label, int prediction, long count) => (Label, Prediction, Count) = (label, prediction, count);

    /// <summary>The number of the class of which they are.</summary>
    public int Label { get; }

    /// <summary>The number of the class that was predicted.</summary>
    public int Prediction { get; }

    /// <summary>The number of samples.</summary>
    public long Count { get; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Label} as {Prediction}: {Count}");
}
