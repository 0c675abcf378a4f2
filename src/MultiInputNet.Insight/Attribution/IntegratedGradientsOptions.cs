namespace MultiInputNet.Insights;

/// <summary>How integrated gradients are computed.</summary>
public sealed record IntegratedGradientsOptions
{
    /// <summary>The number of steps from baseline to input, from 1 to 10,000: more come closer to the integral.</summary>
    /// <value>Default: 64.</value>
    public int Steps { get; init => field = CheckSteps(value, nameof(Steps)); } = 64;

    /// <summary>
    /// The share of the difference of outputs by which the sum of a sample's attributions may miss it; a sample that misses it by more is
    /// integrated again with four times as many steps, and so on. Null takes <see cref="Steps"/> steps for all.
    /// </summary>
    /// <value>Default: 0.01.</value>
    public double? Tolerance
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Tolerance), value, "Give a number above 0, or null for a fixed number of steps.");
    } = 0.01;

    /// <summary>The largest number of steps that <see cref="Tolerance"/> may lead to, from 1 to 10,000.</summary>
    /// <value>Default: 4,096.</value>
    public int MostSteps { get; init => field = CheckSteps(value, nameof(MostSteps)); } = 4096;

    /// <summary>How the integral becomes a sum.</summary>
    /// <value>Default: <see cref="IntegrationRule.GaussLegendre"/>.</value>
    public IntegrationRule Rule
    {
        get;
        init => field = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(Rule), value, "Give one of the rules that are named.");
    }

    /// <summary>The number of samples that the model runs at one time, each at one step. It does not change the results.</summary>
    /// <value>Default: <see langword="null"/>, as many as fit into memory.</value>
    public int? BatchSize { get; init => field = Pieces.Check(value, nameof(BatchSize)); }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());

    private static int CheckSteps(int steps, string name) =>
        steps is >= 1 and <= 10_000 ? steps : throw new ArgumentOutOfRangeException(name, steps, "Give a number from 1 to 10,000.");
}
