using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Multi-head self-attention (Vaswani et al., 2017) over the spatial positions of one feature map, or of several together,
/// followed by the output projection and the mean over the positions.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, channels, height, width)</c> in, <c>(batch, channels)</c> out; the width of the attention is the
/// channel count. Several maps may differ in height and width, not in channels: their positions form one sequence.
/// The parameters have the names, shapes and initialisation of PyTorch's <c>MultiheadAttention</c>.
/// </remarks>
public sealed class AttentionFusion : nn.Module<IReadOnlyList<Tensor>, Tensor>, IRandomModule, IOperations<IReadOnlyList<Tensor>>
{
    private readonly Parameter in_proj_weight;
    private readonly Parameter in_proj_bias;
    private readonly Linear out_proj;
    private readonly double dropout;

    /// <summary>Creates the module.</summary>
    /// <param name="channels">Channels of the feature maps.</param>
    /// <param name="heads">Heads; they must divide the channels.</param>
    /// <param name="dropout">The chance of each attention weight to be left out in training mode, from 0 to below 1.</param>
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

    /// <summary>Channels of the feature maps that it takes, and features that it gives.</summary>
    public int Channels { get; }

    /// <summary>Heads.</summary>
    public int Heads { get; }

    bool IRandomModule.IsRandom => dropout > 0;

    /// <summary>The fusion of one feature map.</summary>
    /// <param name="input">A map, <c>(batch, channels, height, width)</c>.</param>
    /// <returns>The features, <c>(batch, channels)</c>.</returns>
    public Tensor forward(Tensor input) => forward([input]);

    /// <inheritdoc/>
    public override Tensor forward(IReadOnlyList<Tensor> input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var sequences = input.Select(map => map.flatten(start_dim: 2).transpose(1, 2)).ToArray();
        var tokens = sequences.Length == 1 ? sequences[0] : cat(sequences, 1); // (batch, positions, channels)

        // (batch, positions, 3 · channels) as (3, batch, heads, positions, channels / heads): query, key, value.
        var (batch, positions) = (tokens.shape[0], tokens.shape[1]);
        var qkv = nn.functional.linear(tokens, in_proj_weight, in_proj_bias)
            .view(batch, positions, 3, Heads, Channels / Heads)
            .permute(2, 0, 3, 1, 4);
        var attended = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], p: training ? dropout : 0);

        // The projection is linear, so the mean over the positions comes first: one vector per sample to project.
        return out_proj.call(attended.mean([2]).flatten(start_dim: 1)).MoveToOuterDisposeScope();
    }

    long IOperations<IReadOnlyList<Tensor>>.CountMacs(IReadOnlyList<Tensor> input, Tensor output) =>
        Positions(input) * Channels * (3 * Channels + 2 * Positions(input));

    long IOperations<IReadOnlyList<Tensor>>.Foresee(IReadOnlyList<Tensor> input) => Heads * Positions(input) * Positions(input);

    private static long Positions(IReadOnlyList<Tensor> maps) => maps.Sum(map => map.shape[2] * map.shape[3]);
}
