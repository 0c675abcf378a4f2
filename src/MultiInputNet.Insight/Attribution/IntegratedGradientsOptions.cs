namespace MultiInputNet.Insights;

/// <summary>How integrated gradients are computed.</summary>
public sealed record IntegratedGradientsOptions
{
    /// <summary>
    /// The number of steps from baseline to input: more come closer to the integral, which <see cref="Insight.ConvergenceDelta(MultiInputModel, string, TorchSharp.torch.Tensor, TorchSharp.torch.Tensor, long?, TorchSharp.torch.Tensor?, int?)"/> measures.
    /// </summary>
    /// <value>Default: 64.</value>
    public int Steps { get; init => field = OptionRange(value); } = 64;

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

    private static int OptionRange(int steps) =>
        steps is >= 1 and <= 10_000 ? steps : throw new ArgumentOutOfRangeException(nameof(Steps), steps, "Give a number from 1 to 10,000.");
}
