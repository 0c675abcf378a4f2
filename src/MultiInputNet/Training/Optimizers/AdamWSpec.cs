using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Describes Adam with decoupled weight decay. See <see cref="Optimizers.AdamW"/>.</summary>
internal sealed class AdamWSpec : OptimizerSpec
{
    /// <summary>The decay rate of the mean of gradients.</summary>
    /// <value>Default: 0.9.</value>
    public double Beta1 { get; init => field = OptionRange.Share(value, nameof(Beta1)); } = 0.9;

    /// <summary>The decay rate of the mean of squared gradients.</summary>
    /// <value>Default: 0.999.</value>
    public double Beta2 { get; init => field = OptionRange.Share(value, nameof(Beta2)); } = 0.999;

    /// <summary>The term added to the denominator.</summary>
    /// <value>Default: 1e-8.</value>
    public double Epsilon { get; init => field = OptionRange.Between(value, double.Epsilon, 1, nameof(Epsilon)); } = 1e-8;

    internal override OptimizerHelper Create(IReadOnlyList<(IReadOnlyList<Parameter> Parameters, double WeightDecay)> groups)
    {
        var optimizer = optim.AdamW(
            groups.Select(group => new AdamW.ParamGroup(group.Parameters, beta1: Beta1, beta2: Beta2, eps: Epsilon, weight_decay: group.WeightDecay)));
        foreach (var state in optimizer.state_dict().State.Cast<AdamW.State>())
        {
            state.exp_avg = Widen(state.exp_avg);
            state.exp_avg_sq = Widen(state.exp_avg_sq);
        }

        return optimizer;

        static Tensor Widen(Tensor moment)
        {
            if (moment.dtype == moment.dtype.AtLeastSingle())
                return moment;
            using (moment)
                return moment.to(moment.dtype.AtLeastSingle()).DetachFromDisposeScope();
        }
    }

    internal override IReadOnlyDictionary<string, Tensor> Save(OptimizerState state)
    {
        var adam = (AdamW.State)state;
        return new Dictionary<string, Tensor> { ["exp_avg"] = adam.exp_avg, ["exp_avg_sq"] = adam.exp_avg_sq, ["step"] = tensor(adam.step) };
    }

    internal override IReadOnlyList<(string Name, ScalarType Type, long[] Shape, bool IsDue)> Describe(Tensor parameter) =>
    [
        ("exp_avg", parameter.dtype.AtLeastSingle(), parameter.shape, true),
        ("exp_avg_sq", parameter.dtype.AtLeastSingle(), parameter.shape, true),
        ("step", ScalarType.Int64, [], true),
    ];

    internal override void Load(OptimizerState state, Parameter parameter, IReadOnlyDictionary<string, Tensor> saved)
    {
        var adam = (AdamW.State)state;
        adam.exp_avg.copy_(saved["exp_avg"]);
        adam.exp_avg_sq.copy_(saved["exp_avg_sq"]);
        adam.step = saved["step"].item<long>();
    }
}
