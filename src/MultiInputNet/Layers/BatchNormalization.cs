using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// torch's <c>BatchNorm2d</c>, with its names and mathematics, of which each input can have its own: those of a base then run the part of
/// the input whose maps are being run.
/// </summary>
/// <remarks>Shapes: <c>(batch, channels, height, width)</c> in and out.</remarks>
internal sealed class BatchNormalization(long channels, double epsilon = 1e-5, double momentum = 0.1)
    : BatchNorm(channels, epsilon, momentum, affine: true, track_running_stats: true, null, null, nameof(BatchNormalization))
{
    /// <summary>Its name in its base, if each input has its own part instead; null if all share it.</summary>
    public string? PerInput { get; set; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => PerInput is null ? base.forward(input) : BaseRun.PartOf(this, PerInput).call(input);

    /// <inheritdoc/>
    protected override void ValidateInputDimensions(Tensor input)
    {
        if (input.dim() != 4)
            throw new ArgumentException($"expected 4D input, but got {input.dim()}D input.", nameof(input));
    }
}
