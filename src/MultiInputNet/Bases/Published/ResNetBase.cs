using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A residual network (He, Zhang, Ren and Sun, 2015) without its pooling and classifier, with torchvision's names and
/// mathematics: in a bottleneck the 3×3 convolution has the stride.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, channels, height, width)</c> in, <c>(batch, c, ⌈height / 32⌉, ⌈width / 32⌉)</c> out, c = 512 for depths
/// 18 and 34 and 2048 for 50 and 101. Maps of any size down to 1×1 work.
/// </remarks>
public sealed class ResNetBase : ConvolutionalBase
{
    private readonly Conv2d conv1;
    private readonly nn.Module<Tensor, Tensor>? bn1;
    private readonly Sequential layer1;
    private readonly Sequential layer2;
    private readonly Sequential layer3;
    private readonly Sequential layer4;

    /// <summary>Creates the base with torchvision's initialisation: normal, scaled by fan-out (He et al., 2015).</summary>
    /// <param name="options">Its depth, channels and normalisation.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public ResNetBase(ResNetSpec options)
        : base(nameof(ResNetBase), (options ?? throw new ArgumentNullException(nameof(options))).CheckedChannels())
    {
        conv1 = (Conv2d)Convolution(options, options.Channels, 64, kernelSize: 7, stride: 2);
        bn1 = Layers.Normalize(options.Normalization, 64);
        var channels = 64;
        layer1 = Layer(0);
        layer2 = Layer(1);
        layer3 = Layer(2);
        layer4 = Layer(3);
        RegisterComponents();
        Layers.InitializeConvolutions(this);

        Sequential Layer(int index)
        {
            var blocks = new nn.Module<Tensor, Tensor>[options.Blocks[index]];
            for (var i = 0; i < blocks.Length; i++)
            {
                var block = new Block(options, channels, 64 << index, stride: i == 0 && index > 0 ? 2 : 1);
                channels = block.OutChannels;
                blocks[i] = block;
            }

            return nn.Sequential(blocks);
        }
    }

    /// <summary>Its stages: <c>stem</c>, <c>layer1</c>, <c>layer2</c>, <c>layer3</c>, <c>layer4</c>, at 1/4, 1/4, 1/8, 1/16 and 1/32 of the size.</summary>
    public override IReadOnlyList<BaseStage> Stages =>
    [
        new("stem", bn1 is null ? [conv1] : [conv1, bn1], input =>
        {
            using var scope = NewDisposeScope();
            return Stem(Begin(input)).MoveToOuterDisposeScope();
        }),
        new("layer1", [layer1], layer1.call),
        new("layer2", [layer2], layer2.call),
        new("layer3", [layer3], layer3.call),
        new("layer4", [layer4], layer4.call),
    ];

    private protected override nn.Module<Tensor, Tensor> First => conv1;

    private protected override Tensor Rest(Tensor first) => layer4.call(layer3.call(layer2.call(layer1.call(Stem(first)))));

    private protected override InferenceValue Trace(InferenceGraph graph, InferenceValue input)
    {
        var x = graph.Activate(Normalize(graph, bn1, graph.Run(conv1, input)), Activation.ReLU);
        x = graph.MaxPool(x, size: 3, stride: 2, padding: 1);
        return new[] { layer1, layer2, layer3, layer4 }.Aggregate(x, (x, layer) => graph.Run(layer, x));
    }

    private static InferenceValue Normalize(InferenceGraph graph, nn.Module<Tensor, Tensor>? norm, InferenceValue x) =>
        norm is null ? x : graph.Run(norm, x);

    private static nn.Module<Tensor, Tensor> Convolution(ResNetSpec options, int inChannels, int outChannels, int kernelSize, int stride) =>
        Layers.Convolution(inChannels, outChannels, kernelSize, stride, bias: options.Normalization == Normalization.None);

    private static Tensor Normalize(nn.Module<Tensor, Tensor>? norm, Tensor x) => norm is null ? x : norm.call(x);

    // Pooling before the activation gives the same values and activates a quarter of them.
    private Tensor Stem(Tensor first) => nn.functional.max_pool2d(Normalize(bn1, first), kernel_size: 3L, stride: 2L, padding: 1L).relu_();

    /// <summary>Two or three convolutions plus the block's input, through a 1×1 convolution if the shapes differ.</summary>
    private sealed class Block : nn.Module<Tensor, Tensor>, IInferenceLayer
    {
        private readonly nn.Module<Tensor, Tensor> conv1;
        private readonly nn.Module<Tensor, Tensor>? bn1;
        private readonly nn.Module<Tensor, Tensor> conv2;
        private readonly nn.Module<Tensor, Tensor>? bn2;
        private readonly nn.Module<Tensor, Tensor>? conv3;
        private readonly nn.Module<Tensor, Tensor>? bn3;
        private readonly Sequential? downsample;

        public Block(ResNetSpec options, int inChannels, int width, int stride)
            : base(nameof(Block))
        {
            OutChannels = options.Bottleneck ? 4 * width : width;
            (int Size, int Stride) first = options.Bottleneck ? (1, 1) : (3, stride);
            conv1 = Convolution(options, inChannels, width, first.Size, first.Stride);
            bn1 = Layers.Normalize(options.Normalization, width);
            conv2 = Convolution(options, width, width, 3, options.Bottleneck ? stride : 1);
            bn2 = Layers.Normalize(options.Normalization, width);
            if (options.Bottleneck)
            {
                conv3 = Convolution(options, width, OutChannels, 1, 1);
                bn3 = Layers.Normalize(options.Normalization, OutChannels);
            }

            if (stride > 1 || inChannels != OutChannels)
            {
                var conv = Convolution(options, inChannels, OutChannels, 1, stride);
                var norm = Layers.Normalize(options.Normalization, OutChannels);
                downsample = norm is null ? nn.Sequential(conv) : nn.Sequential(conv, norm);
            }

            RegisterComponents();
        }

        public int OutChannels { get; }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = Normalize(bn1, conv1.call(input)).relu_();
            x = Normalize(bn2, conv2.call(x));
            if (conv3 is not null)
                x = Normalize(bn3, conv3.call(x.relu_()));
            return x.add_(downsample is null ? input : downsample.call(input)).relu_().MoveToOuterDisposeScope();
        }

        public InferenceValue Trace(InferenceGraph graph, InferenceValue input)
        {
            var x = graph.Activate(Normalize(graph, bn1, graph.Run(conv1, input)), Activation.ReLU);
            x = Normalize(graph, bn2, graph.Run(conv2, x));
            if (conv3 is not null)
                x = Normalize(graph, bn3, graph.Run(conv3, graph.Activate(x, Activation.ReLU)));
            return graph.Activate(graph.Add(x, downsample is null ? input : graph.Run(downsample, input)), Activation.ReLU);
        }
    }
}
