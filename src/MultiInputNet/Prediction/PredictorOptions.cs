using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>How a <see cref="Predictor"/> is loaded; the options are those of <see cref="MultiInputModel.Load"/>.</summary>
public sealed class PredictorOptions
{
    /// <summary>The device.</summary>
    /// <value>Default: <see langword="null"/>, CUDA if available and the CPU otherwise.</value>
    public Device? Device { get; init; }

    /// <summary>The factories of the user's own modules, as for <see cref="ModelDescription.FromJson"/>.</summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public IReadOnlyDictionary<string, Delegate>? CustomModules { get; init; }

    /// <summary>Whether the file's TorchScript modules, which are programs, may run.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool TrustTorchScript { get; init; }

    /// <summary>The number of feature map values that may be in memory at one time when the shapes are checked.</summary>
    /// <value>Default: <see langword="null"/>, as many as take 1 GB in single precision.</value>
    public long? LargestPass { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
