using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// ConvNeXt (Liu et al., 2022) without its pooling, last normalisation and classifier, with torchvision's names and
/// mathematics; layer normalisations with epsilon 1e-6, layer scales that start at 1e-6.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, channels, height, width)</c> in; out, for ConvNeXt-Tiny, <c>(batch, 768, ⌊height / 32⌋, ⌊width / 32⌋)</c>. Nothing
/// is padded: maps of 32×32 and larger work.
/// </remarks>
public sealed class ConvNeXtBase : ConvolutionalBase
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> features = [];
    private readonly int smallestSize;

    /// <summary>Creates the base with torchvision's initialisation: normal with deviation 0.02.</summary>
    /// <param name="options">Its widths, depths and channels.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public ConvNeXtBase(ConvNeXtSpec options)
        : base(nameof(ConvNeXtBase), (options ?? throw new ArgumentNullException(nameof(options))).CheckedChannels())
    {
        var (widths, index, last) = (options.Widths, 0, options.Depths.Sum() - 1);
        smallestSize = options.SmallestSize;
        features.Add(new ConvNormActivation(
            nn.Conv2d(options.Channels, widths[0], kernel_size: 4L, stride: 4L), new LayerNorm2d(widths[0]), Activation.None));
        foreach (var (stage, width) in widths.Index())
        {
            if (stage > 0)
                features.Add(nn.Sequential(new LayerNorm2d(widths[stage - 1]), nn.Conv2d(widths[stage - 1], width, kernel_size: 2L, stride: 2L)));
            features.Add(nn.Sequential([.. Enumerable.Range(0, options.Depths[stage])
                .Select(_ => (nn.Module<Tensor, Tensor>)new Block(width, last == 0 ? 0 : options.StochasticDepth * index++ / last))]));
        }

        RegisterComponents();
        foreach (var layer in modules())
        {
            var (weight, bias) = layer switch
            {
                Conv2d conv => (conv.weight, conv.bias),
                Linear linear => (linear.weight, linear.bias),
                _ => (null, null),
            };
            if (weight is null)
                continue;

            // torchvision truncates the distribution at 2: a hundred deviations.
            nn.init.normal_(weight, std: 0.02);
            nn.init.zeros_(bias!);
        }
    }

    /// <summary>
    /// Its stages: <c>features.0</c>, the stem at 1/4 of the size, <c>features.1</c>, blocks, <c>features.2</c>, a halving, and so on to
    /// <c>features.7</c>, the last blocks.
    /// </summary>
    public override IReadOnlyList<BaseStage> Stages => [.. features.Select((layer, i) => new BaseStage($"features.{i}", [layer], i == 0 ? Begin : layer.call))];

    private protected override nn.Module<Tensor, Tensor> First => features[0];

    private protected override InferenceValue Trace(InferenceGraph graph, InferenceValue input) =>
        features.Aggregate(input, (x, layer) => graph.Run(layer, x));

    private protected override Tensor Rest(Tensor first) => Layers.Chain(features.Skip(1), first);

    private protected override void CheckSize(long height, long width, bool isAfterFirst)
    {
        if (Math.Min(height, width) * (isAfterFirst ? 4 : 1) < smallestSize)
            throw new ArgumentException($"ConvNeXt takes maps of {smallestSize}×{smallestSize} and larger");
    }

    /// <summary>A depthwise 7×7 convolution and two linear layers at each position, scaled by channel, plus the block's input.</summary>
    private sealed class Block : nn.Module<Tensor, Tensor>, IRandomModule, IInferenceLayer
    {
        private readonly nn.Module<Tensor, Tensor> conv;
        private readonly nn.Module<Tensor, Tensor> norm;
        private readonly nn.Module<Tensor, Tensor> expand;
        private readonly nn.Module<Tensor, Tensor> reduce;
        private readonly Parameter layer_scale;
        private readonly double stochasticDepth;

        public Block(int width, double stochasticDepth)
            : base(nameof(Block))
        {
            conv = nn.Conv2d(width, width, kernel_size: 7L, padding: 3L, groups: width);
            norm = nn.LayerNorm(width, eps: 1e-6);
            expand = nn.Linear(width, 4L * width);
            reduce = nn.Linear(4L * width, width);
            layer_scale = new Parameter(full([width, 1, 1], 1e-6f));
            this.stochasticDepth = stochasticDepth;
            RegisterComponents();
        }

        public bool IsRandom => stochasticDepth > 0;

        protected override void RegisterComponents()
        {
            if (children().Any())
                return;

            // The missing numbers are torchvision's permutations and activation.
            register_module("block", nn.Sequential(("0", conv), ("2", norm), ("3", expand), ("5", reduce)));
            register_parameter(nameof(layer_scale), layer_scale);
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = conv.call(input).permute(0, 2, 3, 1);
            x = reduce.call(nn.functional.gelu(expand.call(norm.call(x)))).permute(0, 3, 1, 2);
            return Layers.StochasticDepth(layer_scale * x, stochasticDepth, training).add_(input).MoveToOuterDisposeScope();
        }

        public InferenceValue Trace(InferenceGraph graph, InferenceValue input)
        {
            var x = graph.Run(norm, graph.Run(conv, input));
            x = graph.Run(reduce, graph.Activate(graph.Run(expand, x), Activation.GELU));
            var factor = InferenceGraph.Double(layer_scale).view(-1);
            return graph.Add(graph.Scale(x, factor, zeros_like(factor), this), input);
        }
    }

    /// <summary>Layer normalisation over the channels at each position.</summary>
    private sealed class LayerNorm2d : nn.Module<Tensor, Tensor>, INormalization, IInferenceLayer
    {
        private readonly Parameter weight;
        private readonly Parameter bias;

        public LayerNorm2d(int channels)
            : base(nameof(LayerNorm2d))
        {
            weight = new Parameter(ones(channels));
            bias = new Parameter(zeros(channels));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return nn.functional.layer_norm(input.permute(0, 2, 3, 1), weight.shape, weight, bias, eps: 1e-6)
                .permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }

        public InferenceValue Trace(InferenceGraph graph, InferenceValue input) => graph.NormalizeChannels(input, weight, bias, 1e-6, this);
    }
}
