namespace MultiInputNet.Training;

/// <summary>
/// The errors of one output of a regression, prediction minus label, in the labels' units. Missing labels do not count; everything is NaN
/// if all of them are.
/// </summary>
public sealed class OutputScores
{
    internal OutputScores(string name, long count, double meanError, double mae, double rmse, double r2) =>
        (Name, Count, MeanError, Mae, Rmse, R2) = (name, count, meanError, mae, rmse, r2);

    /// <summary>The name of the output; its number if it has none.</summary>
    public string Name { get; }

    /// <summary>The number of samples with a label.</summary>
    public long Count { get; }

    /// <summary>The mean error, or bias: above 0 if predictions are too high on average.</summary>
    public double MeanError { get; }

    /// <summary>The mean absolute error.</summary>
    public double Mae { get; }

    /// <summary>The root of the mean squared error.</summary>
    public double Rmse { get; }

    /// <summary>The coefficient of determination, 1 minus the squared errors over those of the labels' mean; NaN if the labels do not vary.</summary>
    public double R2 { get; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Name}: MAE {Mae:G5}, RMSE {Rmse:G5}, R² {R2:0.0000}, mean error {MeanError:G5}");
}
