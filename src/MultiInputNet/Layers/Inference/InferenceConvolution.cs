using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A convolution with everything that is folded into it: normalisations in its weights, an addition and an activation after it.</summary>
/// <param name="input">What it takes.</param>
/// <param name="weight">Its weights, <c>(results, channels / groups, height, width)</c>, in double precision.</param>
/// <param name="bias">Its bias, <c>(results)</c>, in double precision.</param>
/// <param name="origin">The layers that its weights come from: equal ones have equal weights.</param>
internal sealed class InferenceConvolution(InferenceValue input, Tensor weight, Tensor bias, IEnumerable<object> origin)
{
    public InferenceValue Input { get; set; } = input;

    public Tensor Weight { get; private set; } = weight;

    public Tensor Bias { get; private set; } = bias;

    public List<object> Origin { get; } = [.. origin];

    public long[] Stride { get; init; } = [1, 1];

    public long[] Padding { get; init; } = [0, 0];

    public long[] Dilation { get; init; } = [1, 1];

    public long Groups { get; init; } = 1;

    /// <summary>What is added to its result.</summary>
    public InferenceValue? Added { get; set; }

    /// <summary>The activation at its end.</summary>
    public Activation Activation { get; set; }

    /// <summary>Whether its result is the plain one, which more can be folded into.</summary>
    public bool IsLinear => Added is null && Activation == Activation.None;

    /// <summary>Whether it is 1×1: a linear layer at each position.</summary>
    public bool IsPointwise => Groups == 1 && Weight.shape[2] * Weight.shape[3] == 1 && Padding.All(added => added == 0);

    /// <summary>Whether each channel has a kernel of its own.</summary>
    public bool IsDepthwise => Groups > 1 && Groups == Weight.shape[0] && Weight.shape[1] == 1;

    /// <summary>Multiplies and shifts each channel of its result.</summary>
    public void Scale(Tensor factor, Tensor shift, object origin)
    {
        Weight *= factor.view(-1, 1, 1, 1);
        Bias = Bias * factor + shift;
        Origin.Add(origin);
    }

    /// <summary>The shape of its result.</summary>
    public MapShape Result
    {
        get
        {
            long Size(int dimension, long size) =>
                (size + 2 * Padding[dimension] - Dilation[dimension] * (Weight.shape[2 + dimension] - 1) - 1) / Stride[dimension] + 1;
            return new(Weight.shape[0], Size(0, Input.Shape.Height), Size(1, Input.Shape.Width));
        }
    }
}
