using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="MultiLabelHead"/>.</summary>
/// <param name="Labels">The number of labels.</param>
public sealed record MultiLabelSpec(int Labels) : HeadSpec
{
    /// <summary>The names of the labels, from label 0.</summary>
    /// <value>Default: <see langword="null"/>, they only have numbers.</value>
    public IReadOnlyList<string>? LabelNames { get; init; }

    /// <summary>A hidden layer and dropout.</summary>
    /// <value>Default: neither.</value>
    public HeadOptions Options { get; init; } = new();

    internal override string Title => Labels == 1 ? "multi-label, 1 label" : $"multi-label, {Labels} labels";

    internal override IReadOnlyList<string>? OutputLabels => LabelNames;

    internal override nn.Module<Tensor, Tensor> Create(int features) => new MultiLabelHead(features, Labels, Options);

    internal override Int128 CountWeights(int features) => Options.CountWeights(features, Labels);

    internal override (string Problem, string Cure)? FindMistake() => CountMistake(Labels, "labels") ?? NamesMistake(LabelNames, Labels, "label", "labels") ?? Options.FindMistake();
}
