using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The small convolutional base: stages of 3×3 convolutions, each with optional normalisation and an activation, and a 2×2 pooling after
/// each stage. Odd edges are pooled too, so that maps of any size down to 1×1 work.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, channels, height, width)</c> in; out, with s stages,
/// <c>(batch, widths[s-1], ⌈height / 2^s⌉, ⌈width / 2^s⌉)</c>.
/// </remarks>
public sealed class ConvNetBase : ConvolutionalBase
{
    private readonly ModuleList<Stage> stages;
    private readonly bool residual;

    /// <summary>Creates the base with torch's default initialisation.</summary>
    /// <param name="options">Its channels, widths and depth.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public ConvNetBase(ConvNetSpec options)
        : base(nameof(ConvNetBase), CheckedChannels(options))
    {
        residual = options.Residual;
        var channels = options.Widths.Prepend(options.Channels);
        stages = new ModuleList<Stage>(channels.Zip(options.Widths, (from, to) => new Stage(from, to, options)).ToArray());
        RegisterComponents();
    }

    /// <summary>Its stages, from <c>stages.0</c>.</summary>
    public override IReadOnlyList<BaseStage> Stages =>
        [.. stages.Select((stage, i) => new BaseStage($"stages.{i}", [stage], stage.call))];

    // A residual block also takes the map before its convolution.
    internal override Conv2d? FirstConvolution => residual ? null : base.FirstConvolution;

    private protected override nn.Module<Tensor, Tensor> First => stages[0];

    private protected override Tensor Rest(Tensor first)
    {
        var x = first;
        foreach (var stage in stages.Skip(1))
            x = stage.call(x);
        return x;
    }

    private protected override InferenceValue Trace(InferenceGraph graph, InferenceValue input) =>
        stages.Aggregate(input, (x, stage) => graph.Run(stage, x));

    private static int CheckedChannels(ConvNetSpec options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.FindMistake() is var (problem, cure))
            throw new ArgumentException($"Convolutional base: {problem} {cure}", nameof(options));
        return options.Channels;
    }

    private sealed class Stage : EntranceLayers, IInferenceLayer
    {
        private readonly ModuleList<Block> blocks;
        private readonly Activation activation;
        private readonly Pooling pooling;

        public Stage(int inChannels, int outChannels, ConvNetSpec options)
            : base(nameof(Stage))
        {
            blocks = new ModuleList<Block>(Enumerable.Range(0, options.Depth)
                .Select(i => new Block(i == 0 ? inChannels : outChannels, outChannels, options)).ToArray());
            activation = options.Activation;
            pooling = options.Pooling;
            RegisterComponents();
        }

        public override nn.Module<Tensor, Tensor> First => blocks[0];

        protected override Tensor Rest(Tensor first, Tensor input)
        {
            var x = first;
            foreach (var block in blocks.Skip(1))
                x = block.call(Activate(x));

            // The maximum of a cell commutes with a non-decreasing function, so pooling first gives the same values and activates a quarter
            // of them.
            return pooling == Pooling.Max && activation is Activation.ReLU or Activation.LeakyReLU or Activation.Tanh
                ? Layers.Activate(activation, Pool(x))
                : Pool(Activate(x));

            // A map that comes directly from after the first convolution, without normalisation, must not be changed by this stage.
            Tensor Activate(Tensor x) => Layers.Activate(activation, x, inPlace: !ReferenceEquals(x, input));
        }

        public InferenceValue Trace(InferenceGraph graph, InferenceValue input)
        {
            var x = blocks.Aggregate(input, (x, block) => graph.Activate(graph.Run(block, x), activation));
            return pooling switch
            {
                Pooling.Max => graph.MaxPool(x, size: 2, stride: 2, ceiling: true),
                Pooling.Average => graph.AveragePool(x, size: 2, stride: 2, ceiling: true),
                _ => x,
            };
        }

        private Tensor Pool(Tensor x) => pooling switch
        {
            Pooling.Max => nn.functional.max_pool2d(x, kernel_size: 2L, stride: 2L, ceil_mode: true),
            Pooling.Average => nn.functional.avg_pool2d(x, kernel_size: 2L, stride: 2L, ceil_mode: true),
            _ => x,
        };
    }

    /// <summary>A 3×3 convolution and its normalisation, plus its own input if the base is residual; not yet activated.</summary>
    private sealed class Block : EntranceLayers, IInferenceLayer
    {
        private readonly Conv2d conv;
        private readonly nn.Module<Tensor, Tensor>? norm;
        private readonly nn.Module<Tensor, Tensor>? shortcut;
        private readonly bool residual;

        public Block(int inChannels, int outChannels, ConvNetSpec options)
            : base(nameof(Block))
        {
            conv = nn.Conv2d(inChannels, outChannels, kernel_size: 3L, padding: 1L);
            norm = Layers.Normalize(options.Normalization, outChannels);
            residual = options.Residual;
            shortcut = residual && inChannels != outChannels ? new PointwiseConvolution(inChannels, outChannels) : null;
            RegisterComponents();
        }

        public override nn.Module<Tensor, Tensor> First => conv;

        protected override Tensor Rest(Tensor first, Tensor input)
        {
            var x = norm is null ? first : norm.call(first);
            return !residual ? x : x.add_(shortcut is null ? input : shortcut.call(input));
        }

        public InferenceValue Trace(InferenceGraph graph, InferenceValue input)
        {
            var x = graph.Run(conv, input);
            x = norm is null ? x : graph.Run(norm, x);
            return !residual ? x : graph.Add(x, shortcut is null ? input : graph.Run(shortcut, input));
        }
    }
}
