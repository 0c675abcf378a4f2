using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The projections that an input can have. Each kind of input has its own default.</summary>
public static class Projections
{
    /// <summary>A 1×1 convolution, for images. See <see cref="InputProjection"/>.</summary>
    /// <param name="normalization">The normalisation after it.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <returns>The description.</returns>
    public static ProjectionSpec Convolution(
        Normalization normalization = Normalization.None, Activation activation = Activation.None) =>
        new ConvolutionProjectionSpec { Normalization = normalization, Activation = activation };

    /// <summary>
    /// The base's first convolution, adapted to an image with any number of channels, for bases of a published family and
    /// <see cref="ConvNetSpec"/>s that are not residual. What it gives enters the base after that convolution, so that trained first
    /// weights are kept for images of any kind.
    /// </summary>
    /// <remarks>
    /// It begins with the weights that the base is made with; after others are loaded, <see cref="MultiInputModel.AdaptStems"/> adapts
    /// those.
    /// </remarks>
    /// <param name="method">How to adapt its weights.</param>
    /// <param name="shared">
    /// Whether all inputs of the base with the same method and number of channels share its weights, which are then frozen and trained with
    /// the projection of any of them; each has weights of its own otherwise.
    /// </param>
    /// <returns>The description.</returns>
    public static ProjectionSpec AdaptedStem(StemMethod method = StemMethod.Repeat, bool shared = false) =>
        new AdaptedStemSpec { Method = method, Shared = shared };

    /// <summary>
    /// As <see cref="AdaptedStem"/>, with weights by the names of an image's bands, shared with every input of the base that names the same
    /// bands: an input may name bands that were never trained together.
    /// </summary>
    /// <param name="bands">
    /// The name of each channel: <c>red</c>, <c>green</c> and <c>blue</c> get the weights that a base of 3 channels has for them, each
    /// other band, such as <c>nir</c>, the mean of all. All are scaled by old over new channels, so that the expected result stays.
    /// </param>
    /// <returns>The description.</returns>
    public static ProjectionSpec BandStem(params IReadOnlyList<string> bands) => BandStem(bands, shared: true);

    /// <summary>As <see cref="BandStem(IReadOnlyList{string})"/>, with weights that are shared or the input's own.</summary>
    /// <param name="bands">The name of each channel.</param>
    /// <param name="shared">Whether the weights of a band are shared with other inputs that name it.</param>
    /// <returns>The description.</returns>
    public static ProjectionSpec BandStem(IReadOnlyList<string> bands, bool shared)
    {
        ArgumentNullException.ThrowIfNull(bands);
        return new AdaptedStemSpec { Bands = bands, Shared = shared };
    }

    /// <summary>No projection: an image with the base's channels goes in unchanged.</summary>
    /// <returns>The description.</returns>
    public static ProjectionSpec Identity() => new IdentityProjectionSpec();

    /// <summary>A linear layer onto a small grid, for tables.</summary>
    /// <param name="height">Rows of the grid.</param>
    /// <param name="width">Columns of the grid.</param>
    /// <param name="normalization">The normalisation after it.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <returns>The description.</returns>
    public static ProjectionSpec Tabular(
        int height = 4, int width = 4, Normalization normalization = Normalization.None, Activation activation = Activation.None) =>
        new TabularProjectionSpec { Height = height, Width = width, Normalization = normalization, Activation = activation };

    /// <summary>A 1-D convolution folded onto a grid, for sequences and tokens.</summary>
    /// <param name="kernelSize">The number of steps that each output step sees; odd.</param>
    /// <param name="stride">The stride in steps; 2 halves the length.</param>
    /// <param name="rows">Rows of the grid; 1 keeps the sequence one line, null makes the grid nearly square.</param>
    /// <param name="normalization">The normalisation after it.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <returns>The description.</returns>
    public static ProjectionSpec Sequence(
        int kernelSize = 7,
        int stride = 1,
        int? rows = null,
        Normalization normalization = Normalization.None,
        Activation activation = Activation.None) =>
        new SequenceProjectionSpec { KernelSize = kernelSize, Stride = stride, Rows = rows, Normalization = normalization, Activation = activation };

    /// <summary>A module of your own: a batch of the input in, <c>(batch, channels, height, width)</c> out.</summary>
    /// <param name="name">Its name in the description's JSON.</param>
    /// <param name="factory">Creates a new module from the input and the base's number of channels.</param>
    /// <returns>The description.</returns>
    public static ProjectionSpec From(string name, Func<InputSpec, int, nn.Module<Tensor, Tensor>> factory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(factory);
        return new CustomProjectionSpec(name) { Factory = factory };
    }
}
