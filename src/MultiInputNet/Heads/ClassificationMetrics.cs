using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// <c>accuracy</c>, the share of correct predictions; <c>balanced_accuracy</c>, the mean of each class's share of correct predictions
/// (recall) over the classes that occur; <c>macro_f1</c>, the mean of each class's F1 over the classes that occur or are predicted.
/// </summary>
/// <remarks>Memory: three counts per class, and one per pair of classes that was confused.</remarks>
/// <param name="classes">The number of classes, at least 1.</param>
/// <exception cref="ArgumentOutOfRangeException">The number is below 1.</exception>
public sealed class ClassificationMetrics(int classes) : TaskMetrics
{
    private readonly long[] labelled = new long[AtLeastOne(classes)];
    private readonly long[] predicted = new long[classes];
    private readonly long[] right = new long[classes];
    private readonly Dictionary<(int Label, int Prediction), long> mistakes = [];
    private long allRight;

    /// <summary>The number of samples with a label.</summary>
    internal long All { get; private set; }

    /// <summary>The cells of the confusion matrix that are not 0.</summary>
    internal IEnumerable<(int Label, int Prediction, long Count)> Cells => right.Index().Where(cell => cell.Item > 0).Select(cell => (cell.Index, cell.Index, cell.Item))
        .Concat(mistakes.Select(cell => (cell.Key.Label, cell.Key.Prediction, cell.Value)));

    /// <inheritdoc/>
    public override string Primary => "accuracy";

    /// <inheritdoc/>
    public override double PrimaryValue => Ratio(allRight, All);

    /// <summary>How many samples of class <c>row</c> were predicted as class <c>column</c>.</summary>
    /// <param name="row">The class by its label.</param>
    /// <param name="column">The predicted class.</param>
    /// <returns>The count.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public long Confusions(int row, int column)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)classes, nameof(row));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)column, (uint)classes, nameof(column));
        return row == column ? right[row] : mistakes.GetValueOrDefault((row, column));
    }

    /// <inheritdoc/>
    /// <exception cref="MultiInputException">A label or a prediction is of no class.</exception>
    public override void Update(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(target);
        using var scope = NewDisposeScope();
        var labels = target.to(ScalarType.Int64).Numbers<long>();
        var predictions = output.argmax(1).Numbers<long>();
        Count(labels, predictions);
    }

    /// <summary>Adds samples by the numbers of their classes.</summary>
    internal void Count(long[] labels, long[] predictions)
    {
        if (Math.Max(labels.DefaultIfEmpty().Max(), predictions.DefaultIfEmpty().Max()) is var largest && largest >= classes)
        {
            throw new MultiInputException(
                "labels", ModelComponent.Target, $"one, or a prediction, is of class {largest} and there are {classes} classes.", $"They run from 0 to {classes - 1}.");
        }

        foreach (var (label, prediction) in labels.Zip(predictions))
        {
            if (label < 0)
                continue;
            All++;
            labelled[label]++;
            predicted[prediction]++;
            if (label == prediction)
            {
                right[label]++;
                allRight++;
                continue;
            }

            var pair = ((int)label, (int)prediction);
            mistakes[pair] = mistakes.GetValueOrDefault(pair) + 1;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Compute()
    {
        var numbers = Enumerable.Range(0, classes).ToArray();
        return new Dictionary<string, double>
        {
            ["accuracy"] = PrimaryValue,
            ["balanced_accuracy"] = Mean(numbers.Where(c => labelled[c] > 0).Select(c => Ratio(right[c], labelled[c]))),
            ["macro_f1"] = Mean(numbers.Where(c => labelled[c] + predicted[c] > 0).Select(c => Ratio(2 * right[c], labelled[c] + predicted[c]))),
        };
    }

    /// <summary>How many samples are of a class, were predicted to be, and both.</summary>
    internal (long Support, long Predicted, long Correct) ScoresOf(int number) => (labelled[number], predicted[number], right[number]);

    private static int AtLeastOne(int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        return classes;
    }

    private static double Mean(IEnumerable<double> values) => values.DefaultIfEmpty(double.NaN).Average();
}
