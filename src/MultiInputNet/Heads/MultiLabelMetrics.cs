using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Over all labels of all samples: <c>micro_f1</c>, and <c>accuracy</c>, the share of labels predicted correctly. A label above one half
/// is positive. If there are labels but no positives, neither among them nor among the predictions, <c>micro_f1</c> is 0, as in
/// scikit-learn.
/// </summary>
public sealed class MultiLabelMetrics : TaskMetrics
{
    private long truePositive;
    private long falsePositive;
    private long falseNegative;
    private long trueNegative;

    /// <inheritdoc/>
    public override string Primary => "micro_f1";

    /// <inheritdoc/>
    public override double PrimaryValue => All == 0 ? double.NaN
        : truePositive == 0 ? 0
        : Ratio(2 * truePositive, 2 * truePositive + falsePositive + falseNegative);

    /// <summary><c>micro_f1</c>; NaN if no label is positive, since then no prediction can raise it above 0.</summary>
    public override double Score => truePositive + falseNegative == 0 ? double.NaN : PrimaryValue;

    private long All => truePositive + trueNegative + falsePositive + falseNegative;

    /// <inheritdoc/>
    public override void Update(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(target);
        using var scope = NewDisposeScope();
        var present = target.isnan().logical_not();
        var predicted = output > 0;
        var labelled = target > 0.5;
        truePositive += Count(predicted.logical_and(labelled));
        falsePositive += Count(predicted.logical_and(labelled.logical_not()));
        falseNegative += Count(predicted.logical_not().logical_and(labelled));
        trueNegative += Count(predicted.logical_or(labelled).logical_not());

        long Count(Tensor where) => where.logical_and(present).sum().ToInt64();
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Compute() => new Dictionary<string, double>
    {
        ["micro_f1"] = PrimaryValue,
        ["accuracy"] = Ratio(truePositive + trueNegative, All),
    };
}
