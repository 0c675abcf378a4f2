using MultiInputNet.Onnx;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Folds a sequence onto a feature map: a zero-padded 1-D convolution, whose steps are then laid out row by row on a grid (padded with
/// zeros), then optional normalisation and activation.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, features, length)</c> in, <c>(batch, channels, rows, ⌈s / rows⌉)</c> out, with s = ⌈length / stride⌉.
/// </remarks>
internal sealed class SequenceProjection : nn.Module<Tensor, Tensor>, IOnnxModule
{
    private readonly nn.Module<Tensor, Tensor> conv;
    private readonly nn.Module<Tensor, Tensor>? norm;
    private readonly Activation activation;
    private readonly long padding;
    private readonly long[] mapShape;

    /// <summary>Creates the module with torch's default initialisation.</summary>
    /// <param name="features">The number of features per step, at least 1.</param>
    /// <param name="channels">The number of channels that the base takes, at least 1.</param>
    /// <param name="length">The number of steps, at least 1.</param>
    /// <param name="kernelSize">The number of steps that each output step sees; odd.</param>
    /// <param name="stride">The stride in steps, at least 1.</param>
    /// <param name="rows">Rows of the grid; null makes it nearly square.</param>
    /// <param name="normalization">The normalisation after the convolution.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or there are more rows than steps.</exception>
    /// <exception cref="ArgumentException">The kernel size is even.</exception>
    public SequenceProjection(
        int features,
        int channels,
        int length,
        int kernelSize = 7,
        int stride = 1,
        int? rows = null,
        Normalization normalization = Normalization.None,
        Activation activation = Activation.None)
        : base(nameof(SequenceProjection))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(kernelSize, 1);
        if (kernelSize % 2 == 0)
            throw new ArgumentException($"The kernel size is {kernelSize}; give an odd number.", nameof(kernelSize));
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        var steps = (length + stride - 1) / stride;
        var height = rows ?? (int)Math.Sqrt(steps);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1, nameof(rows));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(height, steps, nameof(rows));
        var width = (steps + height - 1) / height;

        conv = nn.Conv1d(features, channels, kernelSize, stride, padding: kernelSize / 2);
        norm = Layers.Normalize(normalization, channels);
        this.activation = activation;
        padding = (long)height * width - steps;
        mapShape = [-1, channels, height, width];
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = conv.call(input);
        if (padding > 0)
            x = nn.functional.pad(x, [0, padding]);
        x = ChannelsLast.Of(x.view(mapShape));
        x = norm is null ? x : norm.call(x);
        return Layers.Activate(activation, x).MoveToOuterDisposeScope();
    }

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        var x = graph.Run(conv, inputs);
        if (padding > 0)
            x = graph.Node("Pad", [x, graph.Integers(0, 0, 0, 0, 0, padding)], [.. x.Shape.SkipLast(1), x.Shape[2] + padding]);
        x = graph.Reshape(x, mapShape);
        return graph.Activate(activation, norm is null ? x : graph.Run(norm, x));
    }
}
