using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="RegressionHead"/>.</summary>
/// <param name="Outputs">The number of values per sample.</param>
public sealed record RegressionSpec(int Outputs) : HeadSpec
{
    /// <summary>The names of the values.</summary>
    /// <value>Default: <see langword="null"/>, they have none.</value>
    public IReadOnlyList<string>? OutputNames { get; init; }

    /// <summary>The unit of the values, such as <c>kg</c>, which answers show.</summary>
    /// <value>Default: <see langword="null"/>, none is stated.</value>
    public string? Unit { get; init; }

    /// <summary>A hidden layer and dropout.</summary>
    /// <value>Default: neither.</value>
    public HeadOptions Options { get; init; } = new();

    /// <summary>
    /// Whether a trainer gives the head the mean and deviation of its training labels, so that it learns standardised values. Its outputs
    /// are in the labels' units either way. See <see cref="RegressionHead"/>.
    /// </summary>
    /// <value>Default: <see langword="true"/>. If false, values are not standardised, and labels should be of the order of 1.</value>
    public bool StandardizesTargets { get; init; } = true;

    /// <summary>The mean of the labels, one per output, if it is known.</summary>
    /// <value>Default: <see langword="null"/>, that of the training labels.</value>
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>The standard deviation of the labels, one above 0 per output, if it is known.</summary>
    /// <value>Default: <see langword="null"/>, that of the training labels.</value>
    public IReadOnlyList<double>? StandardDeviation { get; init; }

    internal override string Title => Outputs == 1 ? "regression, 1 output" : $"regression, {Outputs} outputs";

    internal override IReadOnlyList<string>? OutputLabels => OutputNames;

    internal override string? OutputUnit => Unit;

    internal override nn.Module<Tensor, Tensor> Create(int features)
    {
        var head = new RegressionHead(features, Outputs, Options);
        if (Mean is not null)
            head.SetTargetStatistics(Mean, StandardDeviation!);
        else if (!StandardizesTargets)
            head.TakeValuesAsTheyAre();
        return head;
    }

    internal override Int128 CountWeights(int features) => Options.CountWeights(features, Outputs);

    internal override (string Problem, string Cure)? FindMistake() =>
        CountMistake(Outputs, "outputs") ?? NamesMistake(OutputNames, Outputs, "output", "outputs") ?? Options.FindMistake()
        ?? (Mean is null && StandardDeviation is null ? null
            : !StandardizesTargets ? ("it has the mean and deviation of labels, but is not to standardise them.", "Leave out one of the two.")
            : FindMistake(Mean ?? [], StandardDeviation ?? [], Outputs));

    /// <summary>What is wrong with the mean and deviation of labels, and the cure; null if nothing is.</summary>
    internal static (string Problem, string Cure)? FindMistake(IReadOnlyList<double> mean, IReadOnlyList<double> deviation, int outputs) =>
        mean.Count != outputs || deviation.Count != outputs
            ? ($"it has {outputs} outputs, {mean.Count} means and {deviation.Count} deviations of their labels.", "Give one of each for every output.")
        : !mean.All(double.IsFinite) || !deviation.All(value => value > 0 && double.IsFinite(value))
            ? ("a mean of its labels is not finite, or a deviation not above 0.", "Give finite numbers; 1 for the deviation of labels that never vary.")
        : null;
}
