using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Extension.Tests;

/// <summary>Sines and cosines of the columns of a table on a grid. Shapes: <c>(batch, features)</c> in, <c>(batch, channels, 4, 4)</c> out.</summary>
internal sealed class WaveProjection : nn.Module<Tensor, Tensor>
{
    private readonly Parameter frequencies;
    private readonly Linear linear;
    private readonly long channels;

    public WaveProjection(long features, long channels)
        : base(nameof(WaveProjection))
    {
        this.channels = channels;
        frequencies = new Parameter(ones(features));
        linear = nn.Linear(2 * features, channels * 16);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var angles = input * frequencies;
        return linear.call(cat([angles.sin(), angles.cos()], 1)).view(-1, channels, 4, 4).MoveToOuterDisposeScope();
    }
}
