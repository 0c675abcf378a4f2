namespace MultiInputNet.Training;

/// <summary>
/// How far probabilities are from frequencies (Guo et al., 2017), in 15 bins of equal width: of all predictions made with a probability of
/// about 0.9, nine tenths should be right.
/// </summary>
/// <remarks>
/// For a classification a sample counts with the probability of the predicted class, and is right if that is its class; for a label with
/// the probability of the label, and is right if it has the label.
/// </remarks>
public sealed class Calibration
{
    internal Calibration(IReadOnlyList<CalibrationBin> bins) => Bins = bins;

    /// <summary>The bins of a reliability diagram, from 0 to 1; those without a sample too.</summary>
    public IReadOnlyList<CalibrationBin> Bins { get; }

    /// <summary>
    /// The expected calibration error: the mean over all samples of the distance between mean probability and frequency in their bin; 0 is
    /// perfect. NaN without samples.
    /// </summary>
    public double Error
    {
        get
        {
            var filled = Bins.Where(bin => bin.Count > 0).ToArray();
            return filled.Sum(bin => bin.Count * Math.Abs(bin.Probability - bin.Frequency)) / filled.Sum(bin => bin.Count);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"calibration error {Error:0.0000}");
}
