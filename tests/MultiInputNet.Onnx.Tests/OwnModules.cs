using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

/// <summary>A 1×1 convolution, twice as large. Shapes: <c>(batch, from, height, width)</c> in, <c>(batch, to, height, width)</c> out.</summary>
internal sealed class Doubled : nn.Module<Tensor, Tensor>, IOnnxModule
{
    private readonly Conv2d conv;

    public Doubled(int from, int to)
        : base(nameof(Doubled))
    {
        conv = nn.Conv2d(from, to, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => conv.call(input) * 2;

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        var x = graph.Run(conv, inputs);
        return graph.Node("Mul", [x, graph.Constant(tensor(2f))], x.Shape);
    }
}

/// <summary>The sum of each channel, which says nothing of ONNX. Shapes: a map in, <c>(batch, channels)</c> out.</summary>
internal sealed class ChannelSums() : nn.Module<Tensor, Tensor>(nameof(ChannelSums))
{
    public override Tensor forward(Tensor input) => input.sum([2, 3]);
}

/// <summary>The maximum of each channel of several maps. Shapes: maps in, the channels of all, <c>(batch, channels)</c>, out.</summary>
internal sealed class Maxima() : nn.Module<IReadOnlyList<Tensor>, Tensor>(nameof(Maxima)), IOnnxModule
{
    public override Tensor forward(IReadOnlyList<Tensor> input) => cat([.. input.Select(map => map.amax([2, 3]))], 1);

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        OnnxValue[] maxima = [.. inputs.Select(map => graph.Node("ReduceMax", [map], [-1, map.Shape[1]], attributes: [("axes", (long[])[2, 3]), ("keepdims", 0L)]))];
        return graph.Node("Concat", maxima, [-1, maxima.Sum(vector => vector.Shape[1])], attributes: [("axis", 1L)]);
    }
}

/// <summary>Two values, whose answer is one more. Shapes: <c>(batch, features)</c> in, <c>(batch, 2)</c> out.</summary>
internal sealed class ShiftedHead : TaskHead, IOnnxModule
{
    private readonly Linear linear;

    public ShiftedHead(int features)
        : base(nameof(ShiftedHead), 2)
    {
        linear = nn.Linear(features, 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => linear.call(input);

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs) => graph.Run(linear, inputs);

    public override OnnxValue ExportAnswer(OnnxGraph graph, OnnxValue output) => graph.Node("Add", [output, graph.Constant(tensor(1f))], output.Shape);

    public override Tensor Predict(Tensor output) => output + 1;

    public override Tensor Loss(Tensor output, Tensor target) => (output - target).square().mean();

    public override TaskMetrics CreateMetrics() => new RegressionMetrics(Outputs);

    public override void CheckTarget(Tensor target)
    {
    }
}
