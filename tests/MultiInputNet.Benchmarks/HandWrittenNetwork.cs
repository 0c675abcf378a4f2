using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

/// <summary>The same mathematics as <see cref="PlainNetwork"/>, by hand as fast as we know: projection and first convolution as one, channels-last, pooled before the activation in place.</summary>
internal sealed class HandWrittenNetwork : nn.Module<Tensor, int, Tensor>
{
    private readonly ModuleList<Conv2d> projections;
    private readonly Conv2d first;
    private readonly Conv2d second;
    private readonly ModuleList<Linear> heads;

    public HandWrittenNetwork(int[] inputChannels, int baseChannels, int size, int[] classes)
        : base(nameof(HandWrittenNetwork))
    {
        projections = new([.. inputChannels.Select(channels => nn.Conv2d(channels, baseChannels, kernel_size: 1L))]);
        first = nn.Conv2d(baseChannels, 64, kernel_size: 3L, padding: 1L);
        second = nn.Conv2d(64, 128, kernel_size: 3L, padding: 1L);
        heads = new([.. classes.Select(count => nn.Linear(128 * (size / 4) * (size / 4), count))]);
        RegisterComponents();
        using var noGrad = no_grad();
        foreach (var conv in new[] { first, second })
            conv.weight.set_(conv.weight.detach().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2));
    }

    public override Tensor forward(Tensor input, int index)
    {
        using var scope = NewDisposeScope();
        var projection = projections[index];
        var product = first.weight.permute(0, 2, 3, 1).matmul(cat([projection.weight.flatten(1), projection.bias!.unsqueeze(1)], 1));
        var padded = nn.functional.pad(input.permute(0, 2, 3, 1), [0, 1], PaddingModes.Constant, 1);
        var x = nn.functional.conv2d(padded.permute(0, 3, 1, 2), product.permute(0, 3, 1, 2), first.bias, padding: [1L, 1]);
        x = nn.functional.max_pool2d(x, kernel_size: 2L).relu_();
        x = nn.functional.max_pool2d(second.forward(x), kernel_size: 2L).relu_();
        return heads[index].forward(x.flatten(1)).MoveToOuterDisposeScope();
    }
}
