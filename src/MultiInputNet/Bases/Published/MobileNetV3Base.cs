using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// MobileNetV3, small or large (Howard et al., 2019), without its pooling and classifier, with torchvision's names and
/// mathematics; batch normalisations with epsilon 0.001 and momentum 0.01.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, channels, height, width)</c> in, <c>(batch, c, ⌈height / 32⌉, ⌈width / 32⌉)</c> out, c = 576 (small) or 960
/// (large). Maps of any size down to 1×1 work.
/// </remarks>
public sealed class MobileNetV3Base : ConvolutionalBase
{
    private static readonly BatchNormOptions normalization = new(Epsilon: 0.001, Momentum: 0.01);

    private readonly ModuleList<nn.Module<Tensor, Tensor>> features = [];

    /// <summary>Creates the base with torchvision's initialisation: normal, scaled by fan-out (He et al., 2015).</summary>
    /// <param name="options">Its size and channels.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public MobileNetV3Base(MobileNetV3Spec options)
        : base(nameof(MobileNetV3Base), (options ?? throw new ArgumentNullException(nameof(options))).CheckedChannels())
    {
        features.Add(new ConvNormActivation(options.Channels, 16, normalization, Activation.HardSwish, kernelSize: 3, stride: 2));
        var channels = 16;
        foreach (var (kernel, expanded, width, squeezes, activation, stride) in options.Large ? Large : Small)
        {
            var sizes = new InvertedResidual.Sizes(channels, width, expanded, kernel, stride, activation, squeezes ? Squeezed(expanded) : 0);
            features.Add(new InvertedResidual(sizes, normalization, Activation.ReLU, isHard: true));
            channels = width;
        }

        features.Add(new ConvNormActivation(channels, 6 * channels, normalization, Activation.HardSwish));
        RegisterComponents();
        Layers.InitializeConvolutions(this);
    }

    /// <summary>Its stages: <c>features.0</c>, a convolution, the blocks, and a last convolution, <c>features.12</c> (small) or <c>features.16</c> (large).</summary>
    public override IReadOnlyList<BaseStage> Stages => [.. features.Select((layer, i) => new BaseStage($"features.{i}", [layer], layer.call))];

    private protected override nn.Module<Tensor, Tensor> First => features[0];

    // Tables 1 and 2 of the paper: kernel, expanded channels, channels, squeeze and excitation, activation, stride.
    private static (int Kernel, int Expanded, int Width, bool Squeezes, Activation Activation, int Stride)[] Large =>
    [
        (3, 16, 16, false, Activation.ReLU, 1),
        (3, 64, 24, false, Activation.ReLU, 2),
        (3, 72, 24, false, Activation.ReLU, 1),
        (5, 72, 40, true, Activation.ReLU, 2),
        (5, 120, 40, true, Activation.ReLU, 1),
        (5, 120, 40, true, Activation.ReLU, 1),
        (3, 240, 80, false, Activation.HardSwish, 2),
        (3, 200, 80, false, Activation.HardSwish, 1),
        (3, 184, 80, false, Activation.HardSwish, 1),
        (3, 184, 80, false, Activation.HardSwish, 1),
        (3, 480, 112, true, Activation.HardSwish, 1),
        (3, 672, 112, true, Activation.HardSwish, 1),
        (5, 672, 160, true, Activation.HardSwish, 2),
        (5, 960, 160, true, Activation.HardSwish, 1),
        (5, 960, 160, true, Activation.HardSwish, 1),
    ];

    private static (int Kernel, int Expanded, int Width, bool Squeezes, Activation Activation, int Stride)[] Small =>
    [
        (3, 16, 16, true, Activation.ReLU, 2),
        (3, 72, 24, false, Activation.ReLU, 2),
        (3, 88, 24, false, Activation.ReLU, 1),
        (5, 96, 40, true, Activation.HardSwish, 2),
        (5, 240, 40, true, Activation.HardSwish, 1),
        (5, 240, 40, true, Activation.HardSwish, 1),
        (5, 120, 48, true, Activation.HardSwish, 1),
        (5, 144, 48, true, Activation.HardSwish, 1),
        (5, 288, 96, true, Activation.HardSwish, 2),
        (5, 576, 96, true, Activation.HardSwish, 1),
        (5, 576, 96, true, Activation.HardSwish, 1),
    ];

    private protected override InferenceValue Trace(InferenceGraph graph, InferenceValue input) =>
        features.Aggregate(input, (x, layer) => graph.Run(layer, x));

    private protected override Tensor Rest(Tensor first) => Layers.Chain(features.Skip(1), first);

    private static int Squeezed(int expanded) => Layers.ToMultipleOf8(expanded / 4);
}
