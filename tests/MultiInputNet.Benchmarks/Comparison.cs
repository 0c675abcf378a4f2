using System.Diagnostics;

/// <summary>Two ways of one computation, timed in turns so that whatever else the machine does meets both alike.</summary>
/// <param name="Title">What is compared.</param>
/// <param name="Baseline">Does the way to compare with so many times, and gives the milliseconds of one.</param>
/// <param name="Candidate">The same for the library's way.</param>
internal sealed record Comparison(string Title, Func<int, double> Baseline, Func<int, double> Candidate)
{
    /// <summary>Time that a turn lasts at least; short computations are repeated within a turn.</summary>
    public TimeSpan Turn { get; init; } = TimeSpan.FromMilliseconds(60);

    /// <summary>Compares two computations, each timed from its start to its end.</summary>
    public Comparison(string title, Action baseline, Action candidate)
        : this(title, repeats => Time(baseline, repeats), repeats => Time(candidate, repeats))
    {
    }

    /// <summary>Gives the times of baseline over candidate, above 1 where the candidate is faster, one for each pair of turns.</summary>
    public Ratios Run(int pairs)
    {
        var repeats = Math.Max(Warm(Baseline), Warm(Candidate));
        var ratios = new double[pairs];
        var times = new double[pairs];
        for (var pair = 0; pair < pairs; pair++)
        {
            // Each goes first in every other pair.
            var (baseline, candidate) = pair % 2 == 0
                ? (Baseline(repeats), Candidate(repeats))
                : Swapped(Candidate(repeats), Baseline(repeats));
            ratios[pair] = baseline / candidate;
            times[pair] = candidate;
        }

        Array.Sort(ratios);
        Array.Sort(times);
        return new(At(ratios, 0.5), At(ratios, 0.25), At(ratios, 0.75), At(times, 0.5));
    }

    private static (double, double) Swapped(double candidate, double baseline) => (baseline, candidate);

    private int Warm(Func<int, double> measure)
    {
        measure(3);
        return Math.Max(1, (int)(Turn.TotalMilliseconds / measure(1)));
    }

    /// <summary>Milliseconds of one run.</summary>
    private static double Time(Action action, int repeats)
    {
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < repeats; i++)
            action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats;
    }

    private static double At(double[] sorted, double share)
    {
        var position = share * (sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}

/// <summary>The median ratio, its quartiles, and the median time of the candidate.</summary>
internal sealed record Ratios(double Median, double LowerQuartile, double UpperQuartile, double Milliseconds);
