using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// EfficientNet-B0, B1 or B2 (Tan and Le, 2019) without its pooling and classifier, with torchvision's names and mathematics.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, channels, height, width)</c> in, <c>(batch, c, ⌈height / 32⌉, ⌈width / 32⌉)</c> out, c = 1280 (B0, B1) or 1408
/// (B2). Maps of any size down to 1×1 work.
/// </remarks>
public sealed class EfficientNetBase : ConvolutionalBase
{
    private static readonly BatchNormOptions normalization = new(Epsilon: 1e-5, Momentum: 0.1);

    private readonly ModuleList<nn.Module<Tensor, Tensor>> features = [];

    /// <summary>Creates the base with torchvision's initialisation: normal, scaled by fan-out (He et al., 2015).</summary>
    /// <param name="options">Its variant and channels.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public EfficientNetBase(EfficientNetSpec options)
        : base(nameof(EfficientNetBase), (options ?? throw new ArgumentNullException(nameof(options))).CheckedChannels())
    {
        var (width, depth) = options.Variant switch { 0 => (1.0, 1.0), 1 => (1.0, 1.1), _ => (1.1, 1.2) };
        var stages = Table.Select(s => s with { Width = Layers.ToMultipleOf8(s.Width * width), Blocks = (int)Math.Ceiling(s.Blocks * depth) }).ToArray();
        var channels = Layers.ToMultipleOf8(32 * width);
        features.Add(new ConvNormActivation(options.Channels, channels, normalization, Activation.SiLU, kernelSize: 3, stride: 2));
        var (index, blocks) = (0, stages.Sum(stage => stage.Blocks));
        foreach (var stage in stages)
        {
            features.Add(nn.Sequential([.. Enumerable.Range(0, stage.Blocks).Select(i =>
            {
                var sizes = new InvertedResidual.Sizes(
                    channels, stage.Width, channels * stage.Expansion, stage.Kernel, i == 0 ? stage.Stride : 1, Activation.SiLU, channels / 4);
                channels = stage.Width;
                return (nn.Module<Tensor, Tensor>)new InvertedResidual(
                    sizes, normalization, Activation.SiLU, isHard: false, options.StochasticDepth * index++ / blocks);
            })]));
        }

        features.Add(new ConvNormActivation(channels, 4 * channels, normalization, Activation.SiLU));
        RegisterComponents();
        Layers.InitializeConvolutions(this);
    }

    /// <summary>Its stages: <c>features.0</c>, a convolution, seven stages of blocks, and <c>features.8</c>, a 1×1 convolution.</summary>
    public override IReadOnlyList<BaseStage> Stages => [.. features.Select((layer, i) => new BaseStage($"features.{i}", [layer], layer.call))];

    private protected override nn.Module<Tensor, Tensor> First => features[0];

    // Table 1 of the paper, for B0.
    private static (int Expansion, int Kernel, int Stride, int Width, int Blocks)[] Table =>
    [
        (1, 3, 1, 16, 1),
        (6, 3, 2, 24, 2),
        (6, 5, 2, 40, 2),
        (6, 3, 2, 80, 3),
        (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4),
        (6, 3, 1, 320, 1),
    ];

    private protected override InferenceValue Trace(InferenceGraph graph, InferenceValue input) =>
        features.Aggregate(input, (x, layer) => graph.Run(layer, x));

    private protected override Tensor Rest(Tensor first) => Layers.Chain(features.Skip(1), first);
}
