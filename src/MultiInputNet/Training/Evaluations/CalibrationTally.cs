namespace MultiInputNet.Training;

/// <summary>Sorts predictions into the bins of a <see cref="Calibration"/> by their probability.</summary>
internal sealed class CalibrationTally
{
    private const int BinCount = 15;

    private readonly long[] counts = new long[BinCount];
    private readonly long[] right = new long[BinCount];
    private readonly double[] probabilities = new double[BinCount];

    /// <summary>Adds a prediction.</summary>
    public void Add(double probability, bool isRight)
    {
        var bin = BinOf(probability);
        counts[bin]++;
        right[bin] += isRight ? 1 : 0;
        probabilities[bin] += probability;
    }

    /// <summary>Adds all predictions of another tally.</summary>
    public void Add(CalibrationTally other)
    {
        for (var bin = 0; bin < BinCount; bin++)
        {
            counts[bin] += other.counts[bin];
            right[bin] += other.right[bin];
            probabilities[bin] += other.probabilities[bin];
        }
    }

    public Calibration Result() => new([.. Enumerable.Range(0, BinCount).Select(bin => new CalibrationBin(
        Edge(bin), Edge(bin + 1), counts[bin], probabilities[bin] / counts[bin], (double)right[bin] / counts[bin]))]);

    /// <summary>The bin whose upper end is the first that is not below a probability.</summary>
    private static int BinOf(double probability)
    {
        // The product may round to the other side of an end.
        var bin = Math.Clamp((int)(probability * BinCount), 0, BinCount - 1);
        return bin > 0 && probability <= Edge(bin) ? bin - 1
            : bin < BinCount - 1 && probability > Edge(bin + 1) ? bin + 1
            : bin;
    }

    private static double Edge(int bin) => (double)bin / BinCount;
}
