using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>One input's part of a batch normalisation: its statistics, and its scale and shift unless it shares them.</summary>
/// <remarks>Shapes: as the shared normalisation.</remarks>
internal sealed class InputNormalization : BatchNorm
{
    // A field of a module's type would be registered as a child.
    private readonly Func<BatchNorm> shared;

    /// <summary>Creates the part, equal to the shared normalisation.</summary>
    /// <param name="shared">The normalisation that it replaces.</param>
    /// <param name="affine">Whether it has its own scale and shift, if the shared one has them.</param>
    public InputNormalization(BatchNorm shared, bool affine)
        : base(shared.num_features, shared.eps, 0, affine && shared.affine, shared.track_running_stats, null, null, nameof(InputNormalization))
    {
        momentum = shared.momentum;
        this.shared = () => shared;
        StartAsShared();
    }

    /// <summary>Copies the current values of the shared normalisation.</summary>
    public void StartAsShared()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var from = shared().state_dict();
        foreach (var (name, value) in state_dict())
            value.copy_(from[name]);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        var share = momentum ?? 0;
        if (training && num_batches_tracked is { } batches)
        {
            using var scope = NewDisposeScope();
            batches.add_(1);
            share = momentum ?? 1.0 / batches.ToInt64();
        }

        BatchNorm scaled = affine ? this : shared();
        return nn.functional.batch_norm(
            input, running_mean, running_var, scaled.weight, scaled.bias, training || running_mean is null, share, eps);
    }

    /// <summary>There is nothing to check: the shared normalisation has done so.</summary>
    protected override void ValidateInputDimensions(Tensor input)
    {
    }
}
