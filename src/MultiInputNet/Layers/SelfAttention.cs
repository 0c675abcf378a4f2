using MultiInputNet.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Multi-head self-attention of tokens (Vaswani et al., 2017), with the names of torch's <c>MultiheadAttention</c>.</summary>
/// <remarks>Shapes: <c>(batch, tokens, width)</c> in and out.</remarks>
internal sealed class SelfAttention : nn.Module<Tensor, Tensor>, IRandomModule, IOperations<Tensor>, IOnnxModule, IAttention<Tensor>
{
    private readonly Parameter in_proj_weight;
    private readonly Parameter in_proj_bias;
    private readonly Linear out_proj;
    private readonly long heads;
    private readonly double dropout;

    public SelfAttention(long width, long heads, double dropout)
        : base(nameof(SelfAttention))
    {
        in_proj_weight = new Parameter(empty(3 * width, width));
        nn.init.xavier_uniform_(in_proj_weight);
        in_proj_bias = new Parameter(zeros(3 * width));
        out_proj = nn.Linear(width, width);
        nn.init.zeros_(out_proj.bias!);
        this.heads = heads;
        this.dropout = dropout;
        RegisterComponents();
    }

    public bool IsRandom => dropout > 0;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var qkv = Project(input);
        var attended = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], p: training ? dropout : 0);
        return out_proj.call(attended.transpose(1, 2).reshape(input.shape)).MoveToOuterDisposeScope();
    }

    public Tensor Attend(Tensor input)
    {
        using var scope = NewDisposeScope();
        var qkv = Project(input);
        return (qkv[0].matmul(qkv[1].transpose(-2, -1)) / Math.Sqrt(qkv.shape[^1])).softmax(-1).MoveToOuterDisposeScope();
    }

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        var attended = graph.Transpose(graph.Attend(inputs[0], in_proj_weight, in_proj_bias, heads), 0, 2, 1, 3);
        return graph.Run(out_proj, graph.Node("Reshape", [attended, graph.Integers(0, 0, -1)], inputs[0].Shape));
    }

    public long CountMacs(Tensor input, Tensor output) => output.numel() * (3 * output.shape[2] + 2 * output.shape[1]);

    // Some kernels do not store scores; the time they take is to be bounded all the same.
    public long Foresee(Tensor input) => heads * input.shape[0] * input.shape[1] * input.shape[1];

    /// <summary>Query, key and value of each head: <c>(3, batch, heads, tokens, width / heads)</c>.</summary>
    private Tensor Project(Tensor input) => nn.functional.linear(input, in_proj_weight, in_proj_bias)
        .view(input.shape[0], input.shape[1], 3, heads, input.shape[2] / heads)
        .permute(2, 0, 3, 1, 4);
}
