using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>How gradients change the weights. Made with <see cref="Optimizers"/>.</summary>
public abstract record OptimizerSpec
{
    private protected OptimizerSpec()
    {
    }

    /// <summary>The optimizer of parameters in groups, each with its own weight decay.</summary>
    internal abstract OptimizerHelper Create(IReadOnlyList<(IReadOnlyList<Parameter> Parameters, double WeightDecay)> groups);

    /// <summary>The tensors that a parameter's state consists of, by name, and the steps that it has seen as a number.</summary>
    internal abstract IReadOnlyDictionary<string, Tensor> Save(OptimizerState state);

    /// <summary>Gives a parameter the state that <see cref="Save"/> gave.</summary>
    internal abstract void Load(OptimizerState state, Parameter parameter, IReadOnlyDictionary<string, Tensor> saved);
}
