using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Describes the absence of a projection: an image goes into the base unchanged, and must have as many channels as the base takes. The
/// default for such images when the base is of a published family (<see cref="ImageBaseSpec"/>).
/// </summary>
internal sealed record IdentityProjectionSpec : ProjectionSpec
{
    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, ProjectionTarget target) => nn.Identity();

    internal override IReadOnlyList<string> FindBands(InputSpec input) => input.MapChannels == AdaptedStemSpec.Rgb.Count ? AdaptedStemSpec.Rgb : [];

    internal override (string Problem, string Cure)? FindMistake(InputSpec input) => input.MapChannels is not null
        ? null
        : WrongKind("The identity", input, "Use Projections.Tabular for tables, Projections.Sequence for sequences and tokens.");
}
