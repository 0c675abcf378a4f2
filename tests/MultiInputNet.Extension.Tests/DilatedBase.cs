using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Extension.Tests;

/// <summary>Two 3×3 convolutions, the second with holes (Yu and Koltun, 2016).</summary>
/// <remarks>Shapes: <c>(batch, 4, height, width)</c> in, <c>(batch, 8, height, width)</c> out.</remarks>
internal sealed class DilatedBase : SharedBase
{
    private readonly Conv2d near = nn.Conv2d(4, 8, 3, padding: 1);
    private readonly Conv2d far = nn.Conv2d(8, 8, 3, padding: 2, dilation: 2);

    public DilatedBase()
        : base(nameof(DilatedBase), channels: 4) => RegisterComponents();

    public override IReadOnlyList<BaseStage> Stages =>
        [new("near", [near], input => nn.functional.relu(near.call(input))), new("far", [far], input => nn.functional.relu(far.call(input)))];

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return nn.functional.relu(far.call(nn.functional.relu(near.call(input)))).MoveToOuterDisposeScope();
    }
}
