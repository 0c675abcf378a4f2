using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Over all labels of all samples: <c>micro_f1</c>, and <c>accuracy</c>, the share of labels predicted right. A label above
/// one half is a yes.
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
        ["micro_f1"] = Ratio(2 * truePositive, 2 * truePositive + falsePositive + falseNegative),
        ["accuracy"] = Ratio(truePositive + trueNegative, truePositive + trueNegative + falsePositive + falseNegative),
    };
}
