namespace MultiInputNet.Training;

/// <summary>The method of <see cref="LossBalancing.DynamicWeightAverage"/>.</summary>
internal sealed class DynamicWeightAverageBalancer : WeightedSumBalancer
{
    private readonly double temperature;
    private readonly Dictionary<string, double> last;
    private readonly Dictionary<string, double> ratios;

    public DynamicWeightAverageBalancer(IReadOnlyList<string> tasks, double temperature)
        : base(tasks)
    {
        this.temperature = temperature;
        Remember("weights", Current);
        last = Remember("last_losses", []);
        ratios = Remember("ratios", []);
    }

    public override void EndEpoch(IReadOnlyDictionary<string, double> meanLosses)
    {
        ArgumentNullException.ThrowIfNull(meanLosses);
        CheckTasks(meanLosses.Keys);
        foreach (var (task, loss) in meanLosses.Where(mean => double.IsFinite(mean.Value)))
        {
            // Without two epochs to compare, or after a loss of 0, a task counts as unchanged.
            ratios[task] = last.TryGetValue(task, out var before) && before > 0 ? loss / before : 1;
            last[task] = loss;
        }

        // The largest exponent is subtracted, so that none overflows.
        var exponents = Tasks.Select(task => ratios.GetValueOrDefault(task, 1) / temperature).ToArray();
        var powers = exponents.Select(exponent => Math.Exp(exponent - exponents.Max())).ToArray();
        foreach (var (index, task) in Tasks.Index())
            Current[task] = Tasks.Count * powers[index] / powers.Sum();
    }
}
