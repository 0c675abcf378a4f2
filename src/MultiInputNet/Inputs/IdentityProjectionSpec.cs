using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Describes no projection at all: an image goes into the base as it is, and must have as many channels as the base takes. The
/// default for such images in front of a base of a published family (<see cref="ImageBaseSpec"/>).
/// </summary>
public sealed record IdentityProjectionSpec : ProjectionSpec
{
    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, int channels) => nn.Identity();

    internal override (string Problem, string Cure)? FindMistake(InputSpec input) => input is ImageInput
        ? null
        : WrongKind("The identity", input, "Use Projections.Tabular for tables, Projections.Sequence for sequences and tokens.");
}
