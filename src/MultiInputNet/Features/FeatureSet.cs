using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The features of a batch of samples of one input, as a base produces them and a fusion takes them: maps or tokens, and which of them are
/// present.
/// </summary>
/// <remarks>A sample without any present position counts as absent. Values that are not present may be anything, even NaN.</remarks>
public sealed class FeatureSet
{
    /// <summary>Creates the set.</summary>
    /// <param name="values">Maps, <c>(batch, channels, height, width)</c>, or tokens, <c>(batch, tokens, channels)</c>.</param>
    /// <param name="positionMask">
    /// Which positions are present, <c>(batch, positions)</c> of type Bool: the pixels of a map row by row, or the tokens. All when null.
    /// </param>
    /// <param name="sampleMask">Which samples are present, <c>(batch)</c> of type Bool. All when null.</param>
    /// <param name="grid">
    /// The rows and columns of the grid of patches that the last tokens form, row by row; null if they form none.
    /// </param>
    /// <exception cref="ArgumentException">A tensor has another shape, type or device.</exception>
    public FeatureSet(Tensor values, Tensor? positionMask = null, Tensor? sampleMask = null, (long Rows, long Columns)? grid = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        Values = values;
        Shape = FeatureShape.Find(values) ?? throw new ArgumentException(
            $"The values are {Shapes.Text(values.shape)}; give maps, (batch, channels, height, width), or tokens, (batch, tokens, channels).", nameof(values));
        PositionMask = Check(positionMask, nameof(positionMask), values, values.size(0), Shape.Positions);
        SampleMask = Check(sampleMask, nameof(sampleMask), values, values.size(0));
        if (grid is var (rows, columns) && (rows < 1 || columns < 1 || rows > Shape.Positions / columns))
            throw new ArgumentException($"A grid of {rows}×{columns} is given for {Shape.Positions} positions.", nameof(grid));
        Grid = grid;
    }

    /// <summary>The maps, <c>(batch, channels, height, width)</c>, or tokens, <c>(batch, tokens, channels)</c>.</summary>
    public Tensor Values { get; }

    /// <summary>The shape of one sample.</summary>
    public FeatureShape Shape { get; }

    /// <summary>Which positions are present, <c>(batch, positions)</c> of type Bool; null for all.</summary>
    public Tensor? PositionMask { get; }

    /// <summary>Which samples are present, <c>(batch)</c> of type Bool; null for all.</summary>
    public Tensor? SampleMask { get; }

    /// <summary>
    /// The rows and columns of patches that the last tokens represent; tokens before those, such as a class token, represent the whole.
    /// </summary>
    public (long Rows, long Columns)? Grid { get; }

    /// <summary>The values as a sequence; those of a map pixel by pixel.</summary>
    /// <returns>A view, <c>(batch, positions, channels)</c>.</returns>
    public Tensor Tokens() => AsTokens(Values);

    /// <summary>The same set with other values, such as those that a layer computed from them.</summary>
    /// <param name="values">The new values, with the same number of samples and positions.</param>
    /// <returns>The values with the masks and the grid of this set.</returns>
    /// <exception cref="ArgumentException">The masks or the grid do not fit the values.</exception>
    public FeatureSet With(Tensor values) => new(values, PositionMask, SampleMask, Grid);

    /// <summary>Which positions of which samples are present, <c>(batch, positions)</c>; null for all.</summary>
    internal Tensor? Mask => (PositionMask, SampleMask) switch
    {
        (var positions, null) => positions,
        (null, var samples) => samples.unsqueeze(1).expand(-1, Shape.Positions),
        var (positions, samples) => positions.logical_and(samples.unsqueeze(1)),
    };

    /// <summary>As <see cref="Mask"/>, with every position present if there is none.</summary>
    internal Tensor MaskOrAll() => Mask ?? ones([Values.shape[0], Shape.Positions], ScalarType.Bool, Values.device);

    /// <summary>The dimensions of the values along which positions lie.</summary>
    internal long[] PositionDimensions => Shape is MapShape ? [2, 3] : [1];

    /// <summary>The values, with a replacement for those that are not present.</summary>
    internal Tensor Fill(double value) => Mask is not { } mask ? Values : Values.masked_fill(
        mask.logical_not().reshape(Shape is MapShape map ? [-1, 1, map.Height, map.Width] : [-1, Shape.Positions, 1]), value);

    /// <summary>Like <see cref="Tokens()"/>, with zeros for what is not present.</summary>
    internal Tensor TokensThere() => AsTokens(Fill(0));

    private static Tensor AsTokens(Tensor values) => values.dim() == 4 ? values.flatten(start_dim: 2).transpose(1, 2) : values;

    private static Tensor? Check(Tensor? mask, string name, Tensor values, params long[] sizes)
    {
        if (mask is null)
            return null;
        if (mask.dtype != ScalarType.Bool || !mask.shape.SequenceEqual(sizes))
            throw new ArgumentException($"The mask is {mask.dtype} of shape {Shapes.Text(mask.shape)}; give {ScalarType.Bool} of shape {Shapes.Text(sizes)}.", name);
        return mask.device_type == values.device_type && mask.device_index == values.device_index ? mask : throw new ArgumentException(
            $"The mask is on {mask.device}, but the values are on {values.device}; move the mask there.", name);
    }
}
