using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>What a forward pass changes in a module, the statistics of its normalisations, as it was before the pass.</summary>
internal sealed class KeptBuffers : IDisposable
{
    /// <summary>The name of a buffer that contains a file: nothing changes it.</summary>
    public const string FileKey = "torchscript";

    private readonly (string Name, Tensor Buffer, Tensor Copy)[] buffers;

    public KeptBuffers(nn.Module module)
    {
        using var noGrad = no_grad();
        buffers =
        [
            .. module.named_buffers().Where(pair => pair.name.Split('.')[^1] != FileKey)
                .Select(pair => (pair.name, pair.buffer, pair.buffer.clone().DetachFromDisposeScope())),
        ];
    }

    /// <summary>Saves their current values.</summary>
    public void Take() => Copy(pair => (pair.Copy, pair.Buffer));

    /// <summary>Restores the saved values.</summary>
    public void PutBack() => Copy(pair => (pair.Buffer, pair.Copy));

    /// <summary>The name of a buffer that was finite when it was saved and is not any more; null if there is none.</summary>
    public string? FindBroken()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var floating = buffers.Where(kept => kept.Buffer.is_floating_point()).ToArray();

        // One answer for all: on an accelerator, each would wait for the device.
        return floating.Length == 0 || stack(floating.Select(kept => kept.Buffer.isfinite().all())).all().ToBoolean()
            ? null
            : floating.FirstOrDefault(kept => !kept.Buffer.isfinite().logical_or(kept.Copy.isfinite().logical_not()).all().ToBoolean()).Name;
    }

    public void Dispose()
    {
        foreach (var (_, _, copy) in buffers)
            copy.Dispose();
    }

    private void Copy(Func<(string Name, Tensor Buffer, Tensor Copy), (Tensor To, Tensor From)> direction)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (to, from) in buffers.Select(direction))
            to.copy_(from);
    }
}
