using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="RegressionHead"/>.</summary>
/// <param name="Outputs">How many numbers it gives per sample.</param>
public sealed record RegressionSpec(int Outputs) : HeadSpec
{
    /// <summary>A hidden layer and dropout.</summary>
    /// <value>Default: neither.</value>
    public HeadOptions Options { get; init; } = new();

    internal override string Title => $"regression, {Outputs} outputs";

    internal override nn.Module<Tensor, Tensor> Create(int features) => new RegressionHead(features, Outputs, Options);

    internal override Int128 CountWeights(int features) => Options.CountWeights(features, Outputs);

    internal override (string Problem, string Cure)? FindMistake() => CountMistake(Outputs, "outputs") ?? Options.FindMistake();
}
