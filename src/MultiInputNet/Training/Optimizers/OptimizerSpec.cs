using System.Diagnostics.CodeAnalysis;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>How gradients change the weights. Created with <see cref="Optimizers"/>.</summary>
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract class OptimizerSpec
{
    private protected OptimizerSpec()
    {
    }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());

    /// <summary>Creates the optimizer for groups of parameters, each with its own weight decay.</summary>
    internal abstract OptimizerHelper Create(IReadOnlyList<(IReadOnlyList<Parameter> Parameters, double WeightDecay)> groups);

    /// <summary>The tensors that make up a parameter's state, by name, and the number of steps it has seen.</summary>
    internal abstract IReadOnlyDictionary<string, Tensor> Save(OptimizerState state);

    /// <summary>The names that a parameter's state has, or may have, with their types and shapes.</summary>
    internal abstract IReadOnlyList<(string Name, ScalarType Type, long[] Shape, bool IsDue)> Describe(Tensor parameter);

    /// <summary>Restores the state of a parameter that <see cref="Save"/> returned.</summary>
    internal abstract void Load(OptimizerState state, Parameter parameter, IReadOnlyDictionary<string, Tensor> saved);
}
