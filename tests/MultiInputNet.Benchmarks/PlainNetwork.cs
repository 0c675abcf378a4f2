using TorchSharp.Modules;
using static TorchSharp.torch;

/// <summary>
/// Projection, shared convolutions and heads, written the way the pattern is published: every layer a module in the default
/// layout, one input at a time.
/// </summary>
internal sealed class PlainNetwork : nn.Module<Tensor, int, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> projections;
    private readonly nn.Module<Tensor, Tensor> shared;
    private readonly ModuleList<nn.Module<Tensor, Tensor>> heads;

    public PlainNetwork(int[] inputChannels, int baseChannels, int size, int[] classes)
        : base(nameof(PlainNetwork))
    {
        projections = new([.. inputChannels.Select(channels => nn.Conv2d(channels, baseChannels, kernel_size: 1L))]);
        shared = nn.Sequential(
            nn.Conv2d(baseChannels, 64, kernel_size: 3L, padding: 1L),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 128, kernel_size: 3L, padding: 1L),
            nn.ReLU(),
            nn.MaxPool2d(2));
        heads = new([.. classes.Select(count => nn.Linear(128 * (size / 4) * (size / 4), count))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, int index)
    {
        using var scope = NewDisposeScope();
        var x = shared.call(projections[index].call(input));
        return heads[index].call(x.flatten(1)).MoveToOuterDisposeScope();
    }
}
