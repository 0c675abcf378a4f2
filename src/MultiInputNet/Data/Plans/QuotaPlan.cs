namespace MultiInputNet.Data;

/// <summary>
/// Each step has a batch from one source. In every epoch each source has the same number of steps, its quota, in an order that is
/// shuffled anew; so the batches it has delivered before a step are the epochs times its quota plus those of this epoch.
/// </summary>
internal sealed class QuotaPlan : SourcePlan
{
    private readonly long[] quotas;
    private readonly long seed;
    private Epoch? current;

    public QuotaPlan(IReadOnlyList<PlannedSource> sources, IReadOnlyList<double> weights, long seed, long? stepsPerEpoch)
        : base(sources, stepsPerEpoch ?? sources.Sum(source => source.Batches))
    {
        if (StepsPerEpoch < sources.Count)
        {
            throw new MultiInputException(
                "training",
                ModelComponent.Training,
                $"an epoch has {StepsPerEpoch} steps for {sources.Count} sources.",
                "Give at least one step for each source.");
        }

        this.seed = seed;
        quotas = Share(StepsPerEpoch, weights);
    }

    private protected override IReadOnlyList<SourceDraw> Draw(long step)
    {
        var number = step / StepsPerEpoch;
        var epoch = current;
        if (epoch?.Number != number)
            current = epoch = Shuffle(number);
        var draw = epoch.Draws[step % StepsPerEpoch];
        return [draw with { Batch = number * quotas[draw.Source] + draw.Batch }];
    }

    private protected override long CountBatches(int source, long steps)
    {
        var (epochs, rest) = Math.DivRem(steps, StepsPerEpoch);
        return epochs * quotas[source] + (rest == 0 ? 0 : Shuffle(epochs).Draws.Take((int)rest).Count(draw => draw.Source == source));
    }

    /// <summary>
    /// Whole numbers, in proportion to the weights, that add up to a total, at least 1 each: the largest remainders are rounded up.
    /// </summary>
    private static long[] Share(long total, IReadOnlyList<double> weights)
    {
        var ideal = weights.Select(weight => total * (weight / weights.Sum())).ToArray();
        var shares = ideal.Select(share => Math.Max(1, (long)share)).ToArray();
        var indices = Enumerable.Range(0, shares.Length).ToArray();
        for (var missing = total - shares.Sum(); missing > 0; missing--)
            shares[indices.MaxBy(i => ideal[i] - shares[i])]++;
        for (var excess = shares.Sum() - total; excess > 0; excess--)
            shares[indices.Where(i => shares[i] > 1).MaxBy(i => shares[i] - ideal[i])]--;
        return shares;
    }

    private Epoch Shuffle(long number)
    {
        var owners = quotas.SelectMany((quota, source) => Enumerable.Repeat(source, (int)quota)).ToArray();
        var given = new long[quotas.Length];
        var order = SeededOrder.Of(StepsPerEpoch, seed, "", number);
        return new(number, [.. order.Select(place => owners[place]).Select(source => new SourceDraw(source, given[source]++))]);
    }

    /// <summary>The steps of an epoch, with batches counted from its beginning.</summary>
    private sealed record Epoch(long Number, SourceDraw[] Draws);
}
