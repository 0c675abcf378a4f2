using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// <c>accuracy</c>, the share of right classes; <c>balanced_accuracy</c>, the mean over the classes that occur of each
/// class's share; <c>macro_f1</c>, the mean of each class's F1 over the classes that occur or are predicted.
/// </summary>
/// <param name="classes">How many classes there are.</param>
public sealed class ClassificationMetrics(int classes) : TaskMetrics
{
    private readonly long[] counts = new long[(long)classes * classes];

    /// <inheritdoc/>
    public override string Primary => "accuracy";

    /// <summary>How many samples of class <c>row</c> were taken for class <c>column</c>.</summary>
    /// <param name="row">The class by its label.</param>
    /// <param name="column">The class that was predicted.</param>
    /// <returns>The count.</returns>
    public long Confusions(int row, int column) => counts[row * classes + column];

    /// <inheritdoc/>
    public override void Update(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(target);
        using var scope = NewDisposeScope();
        var present = target >= 0;
        var cells = target * classes + output.argmax(1);
        var tally = cells.masked_select(present).bincount(null, counts.Length).cpu().data<long>();
        for (var i = 0; i < counts.Length; i++)
            counts[i] += tally[i];
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Compute()
    {
        var numbers = Enumerable.Range(0, classes).ToArray();
        var right = numbers.Select(c => Confusions(c, c)).ToArray();
        var labelled = numbers.Select(c => numbers.Sum(p => Confusions(c, p))).ToArray();
        var predicted = numbers.Select(p => numbers.Sum(c => Confusions(c, p))).ToArray();
        return new Dictionary<string, double>
        {
            ["accuracy"] = Ratio(right.Sum(), labelled.Sum()),
            ["balanced_accuracy"] = Mean(numbers.Where(c => labelled[c] > 0).Select(c => Ratio(right[c], labelled[c]))),
            ["macro_f1"] = Mean(numbers.Where(c => labelled[c] + predicted[c] > 0).Select(c => Ratio(2 * right[c], labelled[c] + predicted[c]))),
        };
    }

    private static double Mean(IEnumerable<double> values) => values.DefaultIfEmpty(double.NaN).Average();
}
