using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A TorchScript module as a base. Its parameters and buffers become the base's, under the names that they have in the module.
/// </summary>
/// <remarks>
/// <para>Shapes: <c>(batch, channels, height, width)</c> in, a feature map with four dimensions out, as the module produces it.</para>
/// <para>The module is one stage. Its layers run inside libtorch, where nothing can be attached to them: they can only be frozen as a
/// whole, and
/// have neither parts per input nor adapters.</para>
/// </remarks>
internal sealed class TorchScriptBase : SharedBase, IRandomModule
{
    // Not a field of type Module: the script's children are created anew at each request, so that nothing could be remembered about them.
    // Their contents are registered here instead.
    private readonly Script script;
    private bool disposed;

    /// <summary>Reads the module.</summary>
    /// <param name="archive">The bytes of the file.</param>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <exception cref="MultiInputException">The bytes are not a TorchScript module.</exception>
    public TorchScriptBase(byte[] archive, int channels)
        : base(nameof(TorchScriptBase), channels)
    {
        try
        {
            script = new(jit.load<Tensor, Tensor>(archive));
        }
        catch (ExternalException e)
        {
            throw new MultiInputException(
                "base", ModelComponent.Base, $"its TorchScript module cannot be read: {Reason(e)}.", "Give a file written by torch.jit.save; plain weights are not a module.", e);
        }

        foreach (var (name, parameter) in script.Module.named_parameters())
            register_parameter(name, parameter);
        foreach (var (name, buffer) in script.Module.named_buffers())
            register_buffer(name, buffer);
        register_buffer(TorchScriptSpec.ArchiveKey, tensor(archive, ScalarType.Byte));
    }

    // What a program draws at random is not visible.
    public bool IsRandom => true;

    public bool IsRandomInEvaluation => true;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        try
        {
            return script.Module.call(input).MoveToOuterDisposeScope();
        }
        catch (ExternalException e)
        {
            throw new InvalidOperationException(Reason(e), e);
        }
        catch (InvalidCastException e)
        {
            throw new InvalidOperationException("Its TorchScript module returns something other than one tensor.", e);
        }
    }

    public override void train(bool train = true)
    {
        base.train(train);
        script.Module.train(train);
    }

    protected override nn.Module _to(DeviceType deviceType, int deviceIndex, bool non_blocking)
    {
        script.Module.to(deviceType, deviceIndex);
        return base._to(deviceType, deviceIndex, non_blocking);
    }

    protected override nn.Module _to(ScalarType dtype, bool non_blocking)
    {
        script.Module.to(dtype);
        return base._to(dtype, non_blocking);
    }

    protected override nn.Module _to(Device device, ScalarType dtype, bool non_blocking)
    {
        script.Module.to(device, dtype);
        return base._to(device, dtype, non_blocking);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !disposed)
        {
            disposed = true;
            Empty();
            script.Module.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Frees the weights: libtorch keeps the tensors of a script module that is disposed of.</summary>
    private void Empty()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var tensor in parameters().Concat(buffers()).Where(tensor => !tensor.IsInvalid))
            tensor.set_(empty(0, tensor.dtype, tensor.device));
    }

    /// <summary>The interpreter's message is a trace of the program's lines, and ends with what went wrong.</summary>
    private static string Reason(ExternalException e) =>
        e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .TakeWhile(line => !line.StartsWith("Exception raised from", StringComparison.Ordinal)).LastOrDefault(e.Message).TrimEnd('.');

    private sealed record Script(jit.ScriptModule<Tensor, Tensor> Module);
}
