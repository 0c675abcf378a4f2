using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The projections that an input can have. Each kind of input has its own default.</summary>
public static class Projections
{
    /// <summary>A 1×1 convolution, for images. See <see cref="InputProjection"/>.</summary>
    /// <param name="normalization">The normalisation after it.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <returns>The description.</returns>
    public static ConvolutionProjectionSpec Convolution(
        Normalization normalization = Normalization.None, Activation activation = Activation.None) =>
        new() { Normalization = normalization, Activation = activation };

    /// <summary>
    /// The base's first convolution, adapted to an image with any number of channels, for bases of a published family and
    /// <see cref="ConvNetSpec"/>s. See <see cref="AdaptedStemSpec"/>.
    /// </summary>
    /// <param name="method">How to adapt its weights.</param>
    /// <returns>The description.</returns>
    public static AdaptedStemSpec AdaptedStem(StemMethod method = StemMethod.Repeat) => new() { Method = method };

    /// <summary>
    /// The base's first convolution with weights by the names of an image's bands, shared with every input of the base that names the same
    /// bands. See <see cref="AdaptedStemSpec"/>; <c>with { Shared = false }</c> gives the input its own weights.
    /// </summary>
    /// <param name="bands">The name of each channel, such as <c>red</c> or <c>nir</c>.</param>
    /// <returns>The description.</returns>
    public static AdaptedStemSpec BandStem(params IReadOnlyList<string> bands)
    {
        ArgumentNullException.ThrowIfNull(bands);
        return new() { Bands = bands, Shared = true };
    }

    /// <summary>No projection: an image with the base's channels goes in unchanged. See <see cref="IdentityProjectionSpec"/>.</summary>
    /// <returns>The description.</returns>
    public static IdentityProjectionSpec Identity() => new();

    /// <summary>A linear layer onto a small grid, for tables. See <see cref="TabularProjection"/>.</summary>
    /// <param name="height">Rows of the grid.</param>
    /// <param name="width">Columns of the grid.</param>
    /// <param name="normalization">The normalisation after it.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <returns>The description.</returns>
    public static TabularProjectionSpec Tabular(
        int height = 4, int width = 4, Normalization normalization = Normalization.None, Activation activation = Activation.None) =>
        new() { Height = height, Width = width, Normalization = normalization, Activation = activation };

    /// <summary>A 1-D convolution folded onto a grid, for sequences and tokens. See <see cref="SequenceProjection"/>.</summary>
    /// <param name="kernelSize">The number of steps that each output step sees; odd.</param>
    /// <param name="stride">The stride in steps; 2 halves the length.</param>
    /// <param name="rows">Rows of the grid; 1 keeps the sequence one line, null makes the grid nearly square.</param>
    /// <param name="normalization">The normalisation after it.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <returns>The description.</returns>
    public static SequenceProjectionSpec Sequence(
        int kernelSize = 7,
        int stride = 1,
        int? rows = null,
        Normalization normalization = Normalization.None,
        Activation activation = Activation.None) =>
        new() { KernelSize = kernelSize, Stride = stride, Rows = rows, Normalization = normalization, Activation = activation };

    /// <summary>A module of your own: a batch of the input in, <c>(batch, channels, height, width)</c> out.</summary>
    /// <param name="name">Its name in the description's JSON.</param>
    /// <param name="factory">Creates a new module from the input and the base's number of channels.</param>
    /// <returns>The description.</returns>
    public static CustomProjectionSpec From(string name, Func<InputSpec, int, nn.Module<Tensor, Tensor>> factory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(factory);
        return new(name) { Factory = factory };
    }
}
