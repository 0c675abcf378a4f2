using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>What a forward pass changes in a module, the statistics of its normalisations, as it was before one.</summary>
internal sealed class KeptBuffers : IDisposable
{
    private readonly (Tensor Buffer, Tensor Copy)[] buffers;

    public KeptBuffers(nn.Module module)
    {
        using var noGrad = no_grad();

        // The file of a TorchScript base is a buffer too, which nothing changes.
        buffers =
        [
            .. module.named_buffers().Where(pair => pair.name.Split('.')[^1] != TorchScriptSpec.ArchiveKey)
                .Select(pair => (pair.buffer, pair.buffer.clone().DetachFromDisposeScope())),
        ];
    }

    /// <summary>Takes the values that they have now.</summary>
    public void Take() => Copy(pair => (pair.Copy, pair.Buffer));

    /// <summary>Gives them the values that were taken.</summary>
    public void PutBack() => Copy(pair => (pair.Buffer, pair.Copy));

    public void Dispose()
    {
        foreach (var (_, copy) in buffers)
            copy.Dispose();
    }

    private void Copy(Func<(Tensor Buffer, Tensor Copy), (Tensor To, Tensor From)> direction)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (to, from) in buffers.Select(direction))
            to.copy_(from);
    }
}
