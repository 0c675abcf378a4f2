using MultiInputNet.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Multi-head self-attention (Vaswani et al., 2017) over the positions of one map or sequence of tokens, or of several together,
/// followed by the output projection and the mean over the positions.
/// </summary>
/// <remarks>
/// Shapes: maps <c>(batch, channels, height, width)</c> or tokens <c>(batch, tokens, channels)</c> in, <c>(batch, channels)</c> out; the
/// width of the attention is the channel count. Several inputs may differ in their positions, not in channels: their positions form one
/// sequence. What is not present is neither attended to nor part of the mean, and a sample without any position yields zeros. The
/// parameters have the names, shapes and initialisation of PyTorch's <c>MultiheadAttention</c>.
/// </remarks>
public sealed class AttentionFusion
    : nn.Module<IReadOnlyList<FeatureSet>, Tensor>, IRandomModule, IOperations<IReadOnlyList<FeatureSet>>, IOnnxModule, IAttention<IReadOnlyList<FeatureSet>>
{
    private readonly Parameter in_proj_weight;
    private readonly Parameter in_proj_bias;
    private readonly Linear out_proj;
    private readonly double dropout;

    /// <summary>Creates the module.</summary>
    /// <param name="channels">The number of channels of the features.</param>
    /// <param name="heads">The number of heads, which must divide the channels.</param>
    /// <param name="dropout">The dropout probability of each attention weight in training mode, from 0 to below 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    /// <exception cref="ArgumentException">The heads do not divide the channels.</exception>
    public AttentionFusion(int channels, int heads, double dropout = 0)
        : base(nameof(AttentionFusion))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(dropout, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(dropout, 1);
        if (channels % heads != 0)
            throw new ArgumentException($"{heads} heads do not divide {channels} channels.", nameof(heads));
        Channels = channels;
        Heads = heads;
        this.dropout = dropout;
        in_proj_weight = new Parameter(empty(3L * channels, channels));
        nn.init.xavier_uniform_(in_proj_weight);
        in_proj_bias = new Parameter(zeros(3L * channels));
        out_proj = nn.Linear(channels, channels);
        nn.init.zeros_(out_proj.bias!);
        RegisterComponents();
    }

    /// <summary>The number of channels of its features, and the length of its output vectors.</summary>
    public int Channels { get; }

    /// <summary>The number of heads.</summary>
    public int Heads { get; }

    bool IRandomModule.IsRandom => dropout > 0;

    /// <summary>The fusion of one input's features.</summary>
    /// <param name="input">A map, <c>(batch, channels, height, width)</c>, or tokens, <c>(batch, tokens, channels)</c>.</param>
    /// <returns>The features, <c>(batch, channels)</c>.</returns>
    public Tensor forward(Tensor input) => forward([new FeatureSet(input)]);

    /// <inheritdoc/>
    public override Tensor forward(IReadOnlyList<FeatureSet> input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var qkv = Project(input);
        if (input.Any(features => features.Mask is not null))
            return FuseThere(qkv, Join([.. input.Select(features => features.MaskOrAll())])).MoveToOuterDisposeScope();
        var attended = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], p: training ? dropout : 0);

        // The projection is linear, so the mean over the positions comes first: one vector per sample to project.
        return out_proj.call(attended.mean([2]).flatten(start_dim: 1)).MoveToOuterDisposeScope();
    }

    Tensor IAttention<IReadOnlyList<FeatureSet>>.Attend(IReadOnlyList<FeatureSet> input)
    {
        using var scope = NewDisposeScope();
        var qkv = Project(input);
        var scores = qkv[0].matmul(qkv[1].transpose(-2, -1)) / Math.Sqrt(qkv.shape[^1]);
        if (input.Any(features => features.Mask is not null))
            scores = scores.masked_fill(Keys(Join([.. input.Select(features => features.MaskOrAll())])).logical_not(), double.NegativeInfinity);
        return scores.softmax(-1).MoveToOuterDisposeScope();
    }

    OnnxValue IOnnxModule.Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        var tokens = graph.Join([.. inputs.Select(features => features.Shape.Count == 4 ? graph.Tokens(features) : features)], 1);
        var attended = graph.Attend(tokens, in_proj_weight, in_proj_bias, Heads);
        var mean = graph.Node("ReduceMean", [attended], [-1, Heads, Channels / Heads], attributes: [("axes", (long[])[2]), ("keepdims", 0L)]);
        return graph.Run(out_proj, graph.Reshape(mean, -1, Channels));
    }

    long IOperations<IReadOnlyList<FeatureSet>>.CountMacs(IReadOnlyList<FeatureSet> input, Tensor output) =>
        Positions(input) * Channels * (3 * Channels + 2 * Positions(input));

    long IOperations<IReadOnlyList<FeatureSet>>.Foresee(IReadOnlyList<FeatureSet> input) => Heads * Positions(input) * Positions(input);

    /// <summary>The same over the positions that are present, <c>(batch, positions)</c>.</summary>
    private Tensor FuseThere(Tensor qkv, Tensor there)
    {
        var absent = there.any(1, keepdim: true).logical_not();
        var attended = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], attn_mask: Keys(there), p: training ? dropout : 0);
        var found = attended.masked_fill(there.logical_not().unsqueeze(1).unsqueeze(3), 0);
        var mean = FeaturePooling.Divide(found, [2], there.sum(1).clamp_min(1).view(-1, 1, 1)).flatten(start_dim: 1);
        return out_proj.call(mean).masked_fill(absent, 0);
    }

    /// <summary>Query, key and value of each head: <c>(3, batch, heads, positions, channels / heads)</c>.</summary>
    private Tensor Project(IReadOnlyList<FeatureSet> input)
    {
        var tokens = Join([.. input.Select(features => features.TokensThere())]); // (batch, positions, channels)
        return nn.functional.linear(tokens, in_proj_weight, in_proj_bias)
            .view(tokens.shape[0], tokens.shape[1], 3, Heads, Channels / Heads)
            .permute(2, 0, 3, 1, 4);
    }

    /// <summary>
    /// The keys that every query attends to, <c>(batch, 1, positions, positions)</c>. If nothing is present, softmax over no position would
    /// give NaN: everything is attended to, and the result is not used.
    /// </summary>
    private static Tensor Keys(Tensor there) => there.logical_or(there.any(1, keepdim: true).logical_not())
        .unsqueeze(1).unsqueeze(1).expand(-1, -1, there.shape[1], -1);

    private static Tensor Join(Tensor[] sequences) => sequences is [var only] ? only : cat(sequences, 1);

    private static long Positions(IReadOnlyList<FeatureSet> input) => input.Sum(features => features.Shape.Positions);
}
