using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Extension.Tests;

/// <summary>
/// The quartiles of a number (Koenker and Bassett, 1978), in units of the median of all training labels, which it learns before the first
/// step. Shapes: <c>(batch, features)</c> in, <c>(batch, 3)</c> out; labels are <c>(batch)</c>, NaN where one is missing.
/// </summary>
internal sealed class QuantileHead : TaskHead
{
    private static readonly double[] quantiles = [0.25, 0.5, 0.75];

    private readonly Linear linear;
    private readonly Tensor median;

    public QuantileHead(long features)
        : base(nameof(QuantileHead), quantiles.Length)
    {
        linear = nn.Linear(features, quantiles.Length);
        median = zeros(1);
        RegisterComponents();
    }

    public double Median => median.item<float>();

    public override bool HasTargetStatistics => Median != 0;

    public override bool MayGiveInfinity => false;

    public override void StandardizeTargets(Tensor target)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        median.copy_(target[target.isnan().logical_not()].median());
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return (linear.call(input) + median).MoveToOuterDisposeScope();
    }

    public override Tensor Loss(Tensor output, Tensor target)
    {
        CheckTarget(target);
        using var scope = NewDisposeScope();
        var present = target.isnan().logical_not();
        var errors = target.nan_to_num(0).unsqueeze(1) - output;
        var shares = tensor(quantiles).to(output.dtype);
        var losses = (errors * shares).maximum(errors * (shares - 1)).mean([1]);
        return (losses.where(present, zeros_like(losses)).sum() / present.sum().clamp_min(1)).MoveToOuterDisposeScope();
    }

    public override Tensor Predict(Tensor output) => output.select(1, 1);

    public override TaskMetrics CreateMetrics() => new Coverage();

    public override void CheckTarget(Tensor target)
    {
        if (target.dim() != 1 || !target.is_floating_point())
            throw new MultiInputException(
                "labels", ModelComponent.Target, $"they are {target.dtype} of {target.dim()} dimensions.", "Give floating numbers, (batch).");
    }

    /// <summary><c>coverage</c>: the share of labels between the first and the last quartile.</summary>
    private sealed class Coverage : TaskMetrics
    {
        private long inside;
        private long all;

        public override string Primary => "coverage";

        public override void Update(Tensor output, Tensor target)
        {
            using var scope = NewDisposeScope();
            var present = target.isnan().logical_not();
            all += present.sum().ToInt64();
            inside += (target >= output.select(1, 0)).logical_and(target <= output.select(1, 2)).logical_and(present).sum().ToInt64();
        }

        public override IReadOnlyDictionary<string, double> Compute() =>
            new Dictionary<string, double> { ["coverage"] = all == 0 ? double.NaN : (double)inside / all };
    }
}
