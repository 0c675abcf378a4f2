using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The weights of an <see cref="InferenceProgram"/>: those of convolutions in the layout that oneDNN prefers, everything else as it is.
/// What comes from the same layers is kept once.
/// </summary>
internal sealed class InferenceConstants : IDisposable
{
    private readonly Dictionary<object, int> numbers = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, int> known = [];
    private readonly List<Tensor> values = [];
    private readonly List<(string Packed, string? ForOne)> expressions = [];

    /// <summary>The values as they are, in single precision.</summary>
    public IReadOnlyList<Tensor> Values => values;

    /// <summary>
    /// For each, the expression that makes the program's constant of it, <c>raw</c>, and the one for single samples if it may be another.
    /// </summary>
    public IReadOnlyList<(string Packed, string? ForOne)> Expressions => expressions;

    /// <summary>A constant as it is.</summary>
    /// <param name="value">The value.</param>
    /// <param name="origin">What it comes from.</param>
    /// <returns>What the program calls it.</returns>
    public string Plain(Tensor value, IReadOnlyList<object> origin) => $"w[{Add(origin, () => value, "raw")}]";

    /// <summary>The call of a convolution, by oneDNN, with what follows it.</summary>
    /// <param name="convolution">The convolution.</param>
    /// <param name="input">The name of what it takes.</param>
    /// <param name="activation">The activation of its result: with an addition, ReLU or none.</param>
    /// <param name="added">The name of what is added to its result before; null if there is nothing.</param>
    /// <param name="channels">How many channels its result has in memory.</param>
    /// <param name="batch">The size of batches, for which oneDNN chooses the weights' layout; in others it may have to change it.</param>
    public string Call(InferenceConvolution convolution, string input, Activation activation, string? added, long channels, long batch)
    {
        var shape = convolution.Input.Shape with { Channels = convolution.Input.Channels };
        var groups = convolution.IsDepthwise ? channels : convolution.Groups;
        var sizes = $"{List(convolution.Padding)}, {List(convolution.Stride)}, {List(convolution.Dilation)}, {groups}";
        var weights = Weights(convolution, channels, weight => weight, Packed(batch), Packed(1));
        var (name, scalars, algorithm) = activation switch
        {
            Activation.None => ("none", "", "None"),
            Activation.ReLU => ("relu", "", "None"),
            Activation.LeakyReLU => ("leaky_relu", "0.01", "None"),
            Activation.GELU => ("gelu", "", "\"none\""),
            Activation.SiLU => ("swish", "", "None"),
            Activation.HardSwish => ("hardswish", "", "None"),
            Activation.Tanh => ("tanh", "", "None"),
            _ => throw new NotSupportedException($"{activation}"),
        };
        var after = $"annotate(List[Optional[number]], [{scalars}]), {algorithm}";
        return added is null
            ? $"ops.mkldnn._convolution_pointwise({input}, {weights}, {sizes}, \"{name}\", {after})"
            : $"ops.mkldnn._convolution_pointwise({input}, {added}, {weights}, {sizes}, \"add\", None, {(activation == Activation.None ? "None" : "\"relu\"")}, {after})";

        string Packed(long batch) =>
            $"ops.mkldnn._reorder_convolution_weight(raw, {sizes}, [{batch}, {shape.Channels}, {shape.Height}, {shape.Width}])";
    }

    /// <summary>The call of a 1×1 convolution, as a matrix product.</summary>
    /// <param name="convolution">The convolution.</param>
    /// <param name="input">The name of what it takes.</param>
    /// <param name="channels">How many channels its result has in memory.</param>
    public string CallProduct(InferenceConvolution convolution, string input, long channels)
    {
        foreach (var (dimension, step) in convolution.Stride.Index().Where(stride => stride.Item > 1))
            input = $"torch.slice({input}, {dimension + 2}, 0, {long.MaxValue}, {step})";
        return $"torch.permute(torch.linear(torch.permute({input}, [0, 2, 3, 1]), {Weights(convolution, channels, weight => weight.flatten(1), "raw")}), [0, 3, 1, 2])";
    }

    public void Dispose() => values.ForEach(value => value.Dispose());

    private static string List(long[] sizes) => $"[{string.Join(", ", sizes)}]";

    private string Weights(InferenceConvolution convolution, long channels, Func<Tensor, Tensor> of, string packed, string? forOne = null)
    {
        // Zeros for the channels that only memory has.
        var results = channels - convolution.Weight.shape[0];
        var taken = convolution.IsDepthwise ? 0 : convolution.Input.Channels - convolution.Input.Shape.Channels;
        var weight = Add(
            [.. convolution.Origin, $"{packed} {results} {taken}"],
            () => of(nn.functional.pad(convolution.Weight, [0, 0, 0, 0, 0, taken, 0, results])),
            packed,
            forOne);
        var bias = Add([.. convolution.Origin, $"bias {results}"], () => nn.functional.pad(convolution.Bias, [0, results]), "raw");
        return $"w[{weight}], w[{bias}]";
    }

    private int Add(IReadOnlyList<object> origin, Func<Tensor> value, string packed, string? forOne = null)
    {
        var key = string.Join(' ', origin.Select(source => source as string ?? $"{Number(source)}"));
        if (known.TryGetValue(key, out var index))
            return index;
        using var scope = NewDisposeScope();
        values.Add(value().detach().to(ScalarType.Float32, copy: true).contiguous().MoveToOuterDisposeScope().DetachFromDisposeScope());
        expressions.Add((packed, forOne));
        return known[key] = values.Count - 1;
    }

    private int Number(object source) => numbers.TryGetValue(source, out var number) ? number : numbers[source] = numbers.Count;
}
