using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// <c>rmse</c>, the root of the mean squared error, and <c>mae</c>, the mean absolute error, over all outputs and in the labels' units;
/// <c>r2</c>, the explained share of each output's variance, averaged over the outputs whose labels vary; NaN if there is no such output.
/// </summary>
public sealed class RegressionMetrics : TaskMetrics
{
    // One sum per output, in double precision.
    private readonly double[] counts;
    private readonly double[] errors;
    private readonly double[] absolute;
    private readonly double[] squared;
    private readonly double[] means;
    private readonly double[] deviations;

    /// <summary>Creates an empty tally.</summary>
    /// <param name="outputs">The number of values per sample.</param>
    public RegressionMetrics(int outputs)
    {
        counts = new double[outputs];
        errors = new double[outputs];
        absolute = new double[outputs];
        squared = new double[outputs];
        means = new double[outputs];
        deviations = new double[outputs];
    }

    /// <inheritdoc/>
    public override string Primary => "rmse";

    /// <inheritdoc/>
    public override bool HigherIsBetter => false;

    /// <inheritdoc/>
    public override double PrimaryValue => Math.Sqrt(Ratio(squared.Sum(), counts.Sum()));

    /// <summary><c>r2</c>, which has no unit.</summary>
    public override double Score => Enumerable.Range(0, counts.Length).Where(output => deviations[output] > 0).Select(R2).DefaultIfEmpty(double.NaN).Average();

    /// <inheritdoc/>
    public override void Update(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(target);
        using var scope = NewDisposeScope();
        var predicted = output.to(ScalarType.Float64).Numbers<double>();
        var labelled = target.to(ScalarType.Float64).Numbers<double>();
        for (var i = 0; i < labelled.Length; i++)
        {
            if (double.IsNaN(labelled[i]))
                continue;
            var column = i % counts.Length;
            var error = predicted[i] - labelled[i];
            errors[column] += error;
            absolute[column] += Math.Abs(error);
            squared[column] += error * error;

            // Welford's running mean and sum of squared deviations, accurate for labels far from zero too.
            var difference = labelled[i] - means[column];
            means[column] += difference / ++counts[column];
            deviations[column] += difference * (labelled[i] - means[column]);
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Compute() => new Dictionary<string, double>
    {
        ["rmse"] = PrimaryValue,
        ["mae"] = Ratio(absolute.Sum(), counts.Sum()),
        ["r2"] = Score,
    };

    /// <summary>The numbers of one output.</summary>
    internal (long Count, double MeanError, double Mae, double Rmse, double R2) ScoresOf(int output) => (
        (long)counts[output], Ratio(errors[output], counts[output]), Ratio(absolute[output], counts[output]), Math.Sqrt(Ratio(squared[output], counts[output])), R2(output));

    private double R2(int output) => deviations[output] > 0 ? 1 - squared[output] / deviations[output] : double.NaN;
}
