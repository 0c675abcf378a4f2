using MultiInputNet.Onnx;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Passes the only map of a task with one input to a module that takes one map, under the module's own names.</summary>
internal sealed class OneMap : nn.Module<IReadOnlyList<Tensor>, Tensor>, IOnnxModule
{
    private readonly nn.Module<Tensor, Tensor> map;

    public OneMap(nn.Module<Tensor, Tensor> map)
        : base(nameof(OneMap))
    {
        this.map = map;
        RegisterComponents();
    }

    public override Tensor forward(IReadOnlyList<Tensor> input) => map.call(input[0]);

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs) => graph.Run(map, inputs[0]);
}
