using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Describes stochastic gradient descent with momentum. See <see cref="Optimizers.Sgd"/>.</summary>
internal sealed class SgdSpec : OptimizerSpec
{
    /// <summary>The momentum.</summary>
    /// <value>Default: 0.9.</value>
    public double Momentum { get; init => field = OptionRange.Share(value, nameof(Momentum)); } = 0.9;

    /// <summary>Whether to use Nesterov momentum.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool Nesterov { get; init; }

    internal override OptimizerHelper Create(IReadOnlyList<(IReadOnlyList<Parameter> Parameters, double WeightDecay)> groups) => optim.SGD(
        groups.Select(group => new SGD.ParamGroup(group.Parameters, momentum: Momentum, weight_decay: group.WeightDecay, nesterov: Nesterov)),
        learningRate: 0);

    internal override IReadOnlyDictionary<string, Tensor> Save(OptimizerState state) =>
        ((SGD.State)state).momentum_buffer is { } buffer ? new Dictionary<string, Tensor> { ["momentum_buffer"] = buffer } : new();

    internal override IReadOnlyList<(string Name, ScalarType Type, long[] Shape, bool IsDue)> Describe(Tensor parameter) =>
        [("momentum_buffer", parameter.dtype, parameter.shape, false)];

    internal override void Load(OptimizerState state, Parameter parameter, IReadOnlyDictionary<string, Tensor> saved)
    {
        if (saved.TryGetValue("momentum_buffer", out var buffer))
            ((SGD.State)state).momentum_buffer = zeros_like(parameter).copy_(buffer).DetachFromDisposeScope();
    }
}
