using MultiInputNet.Onnx;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Subtracts a mean and divides by a standard deviation, one of each per channel or feature.</summary>
/// <remarks>
/// Shapes: <c>(batch, channels, ...)</c> in, the same out, of the same type. Means and deviations are kept in double precision, whatever
/// the module is converted to. Tables and samples in double precision are standardised in it, so that large numbers that differ little
/// stay distinct.
/// </remarks>
public sealed class Standardization : nn.Module<Tensor, Tensor>, IOnnxModule
{
    private readonly Tensor mean;
    private readonly Tensor standard_deviation;

    /// <summary>Creates the module.</summary>
    /// <param name="mean">One mean per channel or feature.</param>
    /// <param name="standardDeviation">One standard deviation above zero per channel or feature.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a deviation is not above zero.</exception>
    public Standardization(IReadOnlyList<double> mean, IReadOnlyList<double> standardDeviation)
        : base(nameof(Standardization))
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(standardDeviation);
        if (mean.Count != standardDeviation.Count)
            throw new ArgumentException($"{mean.Count} means and {standardDeviation.Count} deviations: give one of each per channel.", nameof(standardDeviation));
        if (standardDeviation.Any(d => !(d > 0)))
            throw new ArgumentException("A standard deviation is not above zero; give 1 for a channel that never varies.", nameof(standardDeviation));
        this.mean = tensor(mean.ToArray());
        standard_deviation = tensor(standardDeviation.ToArray());
        RegisterComponents();
    }

    internal Tensor Mean => mean;

    internal Tensor StandardDeviation => standard_deviation;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var shape = Enumerable.Repeat(1L, (int)input.dim()).ToArray();
        shape[1] = -1;
        var type = TypeFor(input.dim(), input.dtype);
        return ((input.to(type) - mean.to(type).view(shape)) / standard_deviation.to(type).view(shape)).to(input.dtype).MoveToOuterDisposeScope();
    }

    OnnxValue IOnnxModule.Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        var x = inputs[0];
        var type = TypeFor(x.Shape.Count, x.Type!.Value);
        long[] shape = [1, -1, .. Enumerable.Repeat(1L, x.Shape.Count - 2)];
        Tensor Of(Tensor statistic) => x.Shape.Count == 2 ? statistic : statistic.to(type).view(shape);
        var centred = graph.Node("Sub", [graph.Cast(x, type), graph.Constant(Of(mean), "mean")], x.Shape);
        return graph.Cast(graph.Node("Div", [centred, graph.Constant(Of(standard_deviation), "standard_deviation")], x.Shape), x.Type.Value);
    }

    // Tables are standardised in double precision, whatever their type.
    private static ScalarType TypeFor(long dimensions, ScalarType type) => dimensions == 2 || type == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;

    protected override nn.Module _to(ScalarType dtype, bool non_blocking) => this;

    protected override nn.Module _to(Device device, ScalarType dtype, bool non_blocking) => _to(device.type, device.index, non_blocking);
}
