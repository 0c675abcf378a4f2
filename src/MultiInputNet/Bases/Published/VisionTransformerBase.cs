using MultiInputNet.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A vision transformer (Dosovitskiy et al., 2021) without its classifier, with torchvision's names and mathematics; layer
/// normalisations with epsilon 1e-6.
/// </summary>
/// <remarks>
/// <para>
/// Shapes, with patches of p×p: <c>(batch, channels, height, width)</c> in, <c>(batch, Width, height / p, width / p)</c> out, the tokens
/// of the patches after the last normalisation; or <c>(batch, Width, 1, 1)</c>, the class token; or <c>(batch, 1 + patches, Width)</c>,
/// all tokens. Height and width are multiples of p.
/// </para>
/// <para>
/// For maps whose grid differs from that of the position embedding, it is interpolated (bicubic, with aligned corners) as by
/// torchvision's <c>interpolate_embeddings</c>. The class token and the position embedding belong to the first stage.
/// </para>
/// </remarks>
public sealed class VisionTransformerBase : ConvolutionalBase, IOnnxModule
{
    private readonly Parameter class_token;
    private readonly Conv2d conv_proj;
    private readonly Encoder encoder;
    private readonly int patchSize;
    private readonly TransformerOutput output;

    /// <summary>Creates the base with torchvision's initialisation.</summary>
    /// <param name="options">Its sizes and channels.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public VisionTransformerBase(VisionTransformerSpec options)
        : base(nameof(VisionTransformerBase), (options ?? throw new ArgumentNullException(nameof(options))).CheckedChannels())
    {
        patchSize = options.PatchSize;
        output = options.Output;
        class_token = new Parameter(zeros(1, 1, options.Width));
        conv_proj = nn.Conv2d(options.Channels, options.Width, kernel_size: (long)patchSize, stride: (long)patchSize);
        nn.init.normal_(conv_proj.weight, std: Math.Sqrt(1.0 / options.Channels) / patchSize);
        nn.init.zeros_(conv_proj.bias!);
        encoder = new Encoder(options);
        RegisterComponents();
    }

    /// <summary>
    /// Its stages: <c>conv_proj</c>, the patches with their positions; <c>encoder_layer_0</c> and the other layers; <c>ln</c>, the last
    /// normalisation. Between stages there are tokens, <c>(batch, 1 + patches, Width)</c>, with the grid of their patches.
    /// </summary>
    public override IReadOnlyList<BaseStage> Stages =>
    [
        new("conv_proj", [conv_proj], (FeatureSet map) =>
        {
            using var scope = NewDisposeScope();
            var (tokens, grid) = Tokens(Begin(map.Values));
            return new FeatureSet(encoder.Embed(tokens, grid).MoveToOuterDisposeScope(), grid: grid);
        }),
        .. encoder.Layers.Select(layer => new BaseStage(layer.Name, [layer.Layer], (FeatureSet tokens) => tokens.With(layer.Layer.call(tokens.Values)))),
        new("ln", [encoder.Norm], (FeatureSet tokens) =>
        {
            using var scope = NewDisposeScope();
            return new FeatureSet(Output(encoder.Norm.call(tokens.Values), tokens.Grid!.Value).MoveToOuterDisposeScope());
        }),
    ];

    private protected override nn.Module<Tensor, Tensor> First => conv_proj;

    private protected override Tensor Rest(Tensor first)
    {
        var (tokens, grid) = Tokens(first);
        return Output(encoder.call(encoder.Embed(tokens, grid)), grid);
    }

    OnnxValue IOnnxModule.Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        var patches = graph.Run(conv_proj, inputs);
        var (width, rows, columns) = (patches.Shape[1], patches.Shape[2], patches.Shape[3]);
        if (rows < 0 || columns < 0)
            throw graph.NeedsFixedSize("a vision transformer");

        // One class token per sample.
        var batch = graph.Node("Shape", [patches], [1], ScalarType.Int64, [("start", 0L), ("end", 1L)]);
        var token = graph.Node("Expand", [graph.Constant(class_token), graph.Join([batch, graph.Integers(1, width)], 0)], [-1, 1, width]);
        var tokens = graph.Join([token, graph.Tokens(patches)], 1);
        tokens = graph.Run(encoder, graph.Elementwise("Add", tokens, graph.Constant(encoder.Positions((rows, columns)), "positions")));
        return output switch
        {
            TransformerOutput.Patches => graph.Reshape(graph.Transpose(graph.Narrow(tokens, 1, 1 + rows * columns), 0, 2, 1), -1, width, rows, columns),
            TransformerOutput.ClassToken => graph.Reshape(graph.Narrow(tokens, 0, 1), -1, width, 1, 1),
            _ => tokens,
        };
    }

    private protected override void CheckSize(long height, long width, bool isAfterFirst)
    {
        if (!isAfterFirst && (height % patchSize != 0 || width % patchSize != 0))
            throw new ArgumentException($"a vision transformer takes maps whose height and width are multiples of its patch size, {patchSize}");
    }

    private static Tensor Sequence(Tensor map) => map.flatten(start_dim: 2).transpose(1, 2);

    private static Tensor Patches(Tensor tokens, (long Rows, long Columns) grid) => tokens.narrow(1, 1, tokens.shape[1] - 1)
        .transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], grid.Rows, grid.Columns);

    private Tensor Output(Tensor tokens, (long Rows, long Columns) grid) => output switch
    {
        TransformerOutput.Patches => Patches(tokens, grid),
        TransformerOutput.ClassToken => tokens.narrow(1, 0, 1).transpose(1, 2).unsqueeze(3),
        _ => tokens,
    };

    /// <summary>The class token and one token per patch, row by row.</summary>
    private (Tensor Tokens, (long Rows, long Columns) Grid) Tokens(Tensor patches) =>
        (cat([class_token.expand(patches.shape[0], -1, -1), Sequence(patches)], 1), (patches.shape[2], patches.shape[3]));

    /// <summary>Positions, layers and the last normalisation. Shapes: <c>(batch, 1 + patches, width)</c> in and out.</summary>
    private sealed class Encoder : nn.Module<Tensor, Tensor>, IRandomModule, IOnnxModule
    {
        private readonly Parameter pos_embedding;
        private readonly Sequential layers;
        private readonly LayerNorm ln;
        private readonly long gridSize;
        private readonly double dropout;

        public Encoder(VisionTransformerSpec options)
            : base(nameof(Encoder))
        {
            gridSize = options.ImageSize / options.PatchSize;
            dropout = options.Dropout;
            pos_embedding = new Parameter(empty(1, 1 + gridSize * gridSize, options.Width));
            nn.init.normal_(pos_embedding, std: 0.02);
            layers = nn.Sequential([.. Enumerable.Range(0, options.Depth).Select(i =>
                ($"encoder_layer_{i}", (nn.Module<Tensor, Tensor>)new EncoderLayer(options, i == 0 ? 0 : options.StochasticDepth * i / (options.Depth - 1))))]);
            ln = nn.LayerNorm(options.Width, eps: 1e-6);
            RegisterComponents();
        }

        public IEnumerable<(string Name, nn.Module<Tensor, Tensor> Layer)> Layers =>
            layers.named_children().Select(child => (child.name, (nn.Module<Tensor, Tensor>)child.module));

        public LayerNorm Norm => ln;

        public bool IsRandom => dropout > 0;

        public Tensor Embed(Tensor tokens, (long Rows, long Columns) grid) =>
            nn.functional.dropout(tokens + Positions(grid), dropout, training);

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return ln.call(layers.call(input)).MoveToOuterDisposeScope();
        }

        public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs) => graph.Run(ln, graph.Run(layers, inputs));

        public Tensor Positions((long Rows, long Columns) grid)
        {
            if (grid == (gridSize, gridSize))
                return pos_embedding;
            var square = pos_embedding.narrow(1, 1, gridSize * gridSize).transpose(1, 2).reshape(1, -1, gridSize, gridSize);
            var fitted = nn.functional.interpolate(square, [grid.Rows, grid.Columns], mode: InterpolationMode.Bicubic, align_corners: true);
            return cat([pos_embedding.narrow(1, 0, 1), Sequence(fitted)], 1);
        }
    }

    /// <summary>Attention and two linear layers, each preceded by a normalisation and added to its input.</summary>
    private sealed class EncoderLayer : nn.Module<Tensor, Tensor>, IRandomModule, IOnnxModule
    {
        private readonly LayerNorm ln_1;
        private readonly SelfAttention self_attention;
        private readonly LayerNorm ln_2;
        private readonly Linear expand;
        private readonly Linear reduce;
        private readonly double dropout;
        private readonly double stochasticDepth;

        public EncoderLayer(VisionTransformerSpec options, double stochasticDepth)
            : base(nameof(EncoderLayer))
        {
            ln_1 = nn.LayerNorm(options.Width, eps: 1e-6);
            self_attention = new SelfAttention(options.Width, options.Heads, options.AttentionDropout);
            ln_2 = nn.LayerNorm(options.Width, eps: 1e-6);
            expand = nn.Linear(options.Width, 4L * options.Width);
            reduce = nn.Linear(4L * options.Width, options.Width);
            foreach (var linear in new[] { expand, reduce })
            {
                nn.init.xavier_uniform_(linear.weight!);
                nn.init.normal_(linear.bias!, std: 1e-6);
            }

            dropout = options.Dropout;
            this.stochasticDepth = stochasticDepth;
            RegisterComponents();
        }

        public bool IsRandom => dropout > 0 || stochasticDepth > 0;

        protected override void RegisterComponents()
        {
            if (children().Any())
                return;
            register_module(nameof(ln_1), ln_1);
            register_module(nameof(self_attention), self_attention);
            register_module(nameof(ln_2), ln_2);

            // The missing numbers are torchvision's activation and dropouts.
            register_module("mlp", nn.Sequential(("0", expand), ("3", reduce)));
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = Leave(self_attention.call(ln_1.call(input))) + input;
            var y = reduce.call(Drop(nn.functional.gelu(expand.call(ln_2.call(x)))));
            return (x + Leave(y)).MoveToOuterDisposeScope();
        }

        public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
        {
            var x = graph.Elementwise("Add", graph.Run(self_attention, graph.Run(ln_1, inputs)), inputs[0]);
            var y = graph.Activate(Activation.GELU, graph.Run(expand, graph.Run(ln_2, x)));
            return graph.Elementwise("Add", x, graph.Run(reduce, y));
        }

        private Tensor Drop(Tensor x) => dropout == 0 ? x : nn.functional.dropout(x, dropout, training);

        private Tensor Leave(Tensor x) => MultiInputNet.Layers.StochasticDepth(Drop(x), stochasticDepth, training);
    }
}
