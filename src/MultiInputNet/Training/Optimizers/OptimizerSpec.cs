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

    /// <summary>The names that a parameter's state has, or may have, and the type and shape of each.</summary>
    internal abstract IReadOnlyList<(string Name, ScalarType Type, long[] Shape, bool IsDue)> Describe(Tensor parameter);

    /// <summary>Gives a parameter the state that <see cref="Save"/> gave.</summary>
    internal abstract void Load(OptimizerState state, Parameter parameter, IReadOnlyDictionary<string, Tensor> saved);
}
