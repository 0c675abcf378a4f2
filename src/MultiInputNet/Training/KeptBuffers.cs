using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>What a forward pass changes in a model, the statistics of its normalisations, as it was before one.</summary>
internal sealed class KeptBuffers : IDisposable
{
    private readonly (Tensor Buffer, Tensor Copy)[] buffers;

    public KeptBuffers(nn.Module model)
    {
        using var noGrad = no_grad();

        // Bytes are files, such as that of a TorchScript base.
        buffers = [.. model.buffers().Where(buffer => buffer.dtype != ScalarType.Byte).Select(buffer => (buffer, buffer.clone().DetachFromDisposeScope()))];
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
