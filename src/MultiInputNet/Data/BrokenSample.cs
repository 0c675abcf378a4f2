namespace MultiInputNet.Data;

/// <summary>A sample that was skipped because it could not be read.</summary>
public sealed class BrokenSample
{
    /// <summary>The file, and the line if it is one row of many.</summary>
    public required string Place { get; init; }

    /// <summary>What is wrong with it.</summary>
    public required string Problem { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
