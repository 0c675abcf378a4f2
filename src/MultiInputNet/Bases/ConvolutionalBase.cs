using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A base of this library, in two steps: its first convolution and the rest. The output of an adapted stem or a folded projection replaces
/// the result of the first and enters at the second.
/// </summary>
public abstract class ConvolutionalBase : SharedBase, IInferenceLayer
{
    private protected ConvolutionalBase(string name, int channels)
        : base(name, channels)
    {
    }

    /// <inheritdoc/>
    public sealed override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return Rest(Begin(input)).MoveToOuterDisposeScope();
    }

    internal override Conv2d? FirstConvolution => EntranceLayers.ConvolutionOf(First);

    /// <summary>The first step: the first convolution, or layers that begin with it.</summary>
    private protected abstract nn.Module<Tensor, Tensor> First { get; }

    /// <summary>The second step, from the result of the first or its replacement.</summary>
    private protected abstract Tensor Rest(Tensor first);

    /// <summary>Both steps, for an <see cref="InferenceProgram"/>.</summary>
    private protected virtual InferenceValue Trace(InferenceGraph graph, InferenceValue input) => throw new NotSupportedException(GetName());

    InferenceValue IInferenceLayer.Trace(InferenceGraph graph, InferenceValue input) => Trace(graph, input);

    /// <summary>Rejects maps of sizes that the base cannot take.</summary>
    private protected virtual void CheckSize(long height, long width, bool isAfterFirst)
    {
    }

    /// <summary>Runs the first step.</summary>
    private protected Tensor Begin(Tensor input)
    {
        CheckSize(input.shape[^2], input.shape[^1], BaseRun.Current?.EntersAfter is { } first && first == FirstConvolution);
        return BaseRun.Begin(First, input);
    }
}
