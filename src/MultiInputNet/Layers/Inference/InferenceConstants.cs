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
    private readonly List<string> expressions = [];

    /// <summary>The values as they are, in single precision.</summary>
    public IReadOnlyList<Tensor> Values => values;

    /// <summary>For each, the expression that makes the program's constant of it, <c>raw</c>.</summary>
    public IReadOnlyList<string> Expressions => expressions;

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
    public string Call(InferenceConvolution convolution, string input, Activation activation, string? added)
    {
        var shape = convolution.Input.Shape;
        var sizes = $"{List(convolution.Padding)}, {List(convolution.Stride)}, {List(convolution.Dilation)}, {convolution.Groups}";
        var weights = Weights(
            convolution,
            weight => weight,
            $"ops.mkldnn._reorder_convolution_weight(raw, {sizes}, [{TypicalBatch}, {shape.Channels}, {shape.Height}, {shape.Width}])");
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
    }

    /// <summary>
    /// The call of a 1×1 convolution, as a matrix product: oneDNN's 1×1 convolutions and linear layers are wrong on some CPUs
    /// (<see cref="PointwiseConvolution"/>).
    /// </summary>
    /// <param name="convolution">The convolution.</param>
    /// <param name="input">The name of what it takes.</param>
    public string CallPointwise(InferenceConvolution convolution, string input)
    {
        foreach (var (dimension, step) in convolution.Stride.Index().Where(stride => stride.Item > 1))
            input = $"torch.slice({input}, {dimension + 2}, 0, {long.MaxValue}, {step})";
        return $"torch.permute(torch.linear(torch.permute({input}, [0, 2, 3, 1]), {Weights(convolution, weight => weight.flatten(1), "raw")}), [0, 3, 1, 2])";
    }

    public void Dispose() => values.ForEach(value => value.Dispose());

    // The layout of weights depends on it only for odd shapes.
    private const int TypicalBatch = 8;

    private static string List(long[] sizes) => $"[{string.Join(", ", sizes)}]";

    private string Weights(InferenceConvolution convolution, Func<Tensor, Tensor> of, string packed) =>
        $"w[{Add([.. convolution.Origin, "weight"], () => of(convolution.Weight), packed)}], w[{Add([.. convolution.Origin, "bias"], () => convolution.Bias, "raw")}]";

    private int Add(IReadOnlyList<object> origin, Func<Tensor> value, string expression)
    {
        var key = string.Join(' ', origin.Select(source => numbers.TryGetValue(source, out var number) ? number : numbers[source] = numbers.Count));
        if (known.TryGetValue(key, out var index))
            return index;
        using var scope = NewDisposeScope();
        values.Add(value().detach().to(ScalarType.Float32, copy: true).contiguous().MoveToOuterDisposeScope().DetachFromDisposeScope());
        expressions.Add(expression);
        return known[key] = values.Count - 1;
    }
}
