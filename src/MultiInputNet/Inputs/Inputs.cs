namespace MultiInputNet;

/// <summary>The kinds of input that a model can be described with.</summary>
public static class Inputs
{
    /// <inheritdoc cref="ImageInput"/>
    /// <param name="channels">Channels: 1 for grayscale, 3 for RGB, more for multi-band images.</param>
    /// <param name="height">Rows of pixels.</param>
    /// <param name="width">Columns of pixels.</param>
    public static ImageInput Image(int channels, int height, int width) => new(channels, height, width);

    /// <inheritdoc cref="SequenceInput"/>
    /// <param name="features">Features of each step.</param>
    /// <param name="length">Steps.</param>
    public static SequenceInput Sequence(int features, int length) => new(features, length);

    /// <inheritdoc cref="TokenInput"/>
    /// <param name="vocabulary">How many different tokens there are.</param>
    /// <param name="length">Tokens in a sample.</param>
    public static TokenInput Tokens(int vocabulary, int length) => new(vocabulary, length);

    /// <inheritdoc cref="TabularInput"/>
    /// <param name="features">Columns.</param>
    public static TabularInput Tabular(int features) => new(features);

    /// <summary>A table whose columns are named, some of them perhaps categories or with missing values.</summary>
    /// <param name="columns">The columns, in the order of a batch.</param>
    public static TabularInput Tabular(params IReadOnlyList<TabularColumn> columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        return new(columns.Count) { Columns = [.. columns] };
    }
}
