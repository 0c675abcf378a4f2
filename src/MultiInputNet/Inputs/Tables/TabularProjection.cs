using MultiInputNet.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Maps a row of a table onto a small feature map: a linear layer, then optional normalisation and activation. If it knows the columns,
/// categories are embedded first, and missing numbers replaced with their fill value.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, features)</c> in, <c>(batch, channels, height, width)</c> out. The grid must be large enough for the pooling layers
/// of the base that follows. The embedding of category 0, an unknown one, starts at zero. A number without a category counts as unknown;
/// on the CPU, the model rejects such batches.
/// </remarks>
internal sealed class TabularProjection : nn.Module<Tensor, Tensor>, IConvertsInput, IOnnxModule, IEmbedsInput
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> embeddings = new();
    private readonly Linear linear;
    private readonly nn.Module<Tensor, Tensor>? norm;
    private readonly Activation activation;
    private readonly long[] mapShape;
    private readonly IReadOnlyList<(int Index, CategoricalColumn Column)> categorical;

    // What is known of the numeric columns: which they are, the fill value of each, and which of them mark missing numbers.
    private readonly Tensor? numeric;
    private readonly Tensor? fills;
    private readonly Tensor? indicated;

    /// <summary>Creates the module with torch's default initialisation.</summary>
    /// <param name="features">The number of columns of the table, at least 1.</param>
    /// <param name="channels">The number of channels that the base takes, at least 1.</param>
    /// <param name="height">Rows of the grid, at least 1.</param>
    /// <param name="width">Columns of the grid, at least 1.</param>
    /// <param name="normalization">The normalisation after the linear layer.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <param name="columns">
    /// The columns, one per feature, with fill values in the unit of what arrives; when null, all are numbers and none may be missing.
    /// </param>
    /// <exception cref="ArgumentException">A size is below 1, or the number of columns is not that of the features.</exception>
    public TabularProjection(
        int features,
        int channels,
        int height = 4,
        int width = 4,
        Normalization normalization = Normalization.None,
        Activation activation = Activation.None,
        IReadOnlyList<TabularColumn>? columns = null)
        : base(nameof(TabularProjection))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (columns is not null && columns.Count != features)
            throw new ArgumentException($"There are {columns.Count} columns for {features} features; give one for each.", nameof(columns));
        categorical = columns is null ? [] : [.. columns.Index().Where(c => c.Item is CategoricalColumn).Select(c => (c.Index, (CategoricalColumn)c.Item))];
        foreach (var (_, column) in categorical)
            embeddings.Add(Embed(column));
        if (columns is not null)
        {
            var numbers = columns.Index().Where(c => c.Item is NumericColumn).Select(c => (c.Index, Column: (NumericColumn)c.Item)).ToArray();
            Keep(nameof(numeric), numeric = tensor(numbers.Select(c => (long)c.Index).ToArray(), ScalarType.Int64));
            Keep(nameof(fills), fills = tensor(numbers.Select(c => c.Column.Fill).ToArray(), ScalarType.Float32));
            Keep(nameof(indicated), indicated = tensor(numbers.Index().Where(c => c.Item.Column.MissingIndicator).Select(c => (long)c.Index).ToArray(), ScalarType.Int64));
            Places =
            [
                .. numbers.Select(c => (c.Index, true)),
                .. numbers.Where(c => c.Column.MissingIndicator).Select(c => (c.Index, false)),
                .. categorical.SelectMany(c => Enumerable.Repeat((c.Index, false), c.Column.EmbeddingWidth)),
            ];
        }

        linear = nn.Linear(columns?.Sum(column => column.Width) ?? features, (long)channels * height * width);
        norm = Layers.Normalize(normalization, channels);
        this.activation = activation;
        mapShape = [-1, channels, height, width];
        RegisterComponents();
    }

    public nn.Module<Tensor, Tensor>? AfterEmbedding => numeric is null ? null : linear;

    public IReadOnlyList<(int Element, bool IsNumber)> Places { get; } = [];

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = ChannelsLast.Of(linear.call((numeric is null ? input : Prepare(input)).to(linear.weight.dtype)).view(mapShape));
        x = norm is null ? x : norm.call(x);
        return Layers.Activate(activation, x).MoveToOuterDisposeScope();
    }

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        var row = graph.Cast(numeric is null ? inputs[0] : Prepare(graph, inputs[0]), ScalarType.Float32);
        var x = graph.Reshape(graph.Run(linear, row), mapShape);
        return graph.Activate(activation, norm is null ? x : graph.Run(norm, x));
    }

    /// <summary>Fills missing numbers, marks them if their column says so, and embeds categories.</summary>
    private Tensor Prepare(Tensor input)
    {
        var numbers = input.index_select(1, numeric!);
        var present = numbers.isnan().logical_not();
        var parts = new List<Tensor> { numbers.where(present, fills!).to(linear.weight!.dtype) };
        if (indicated!.numel() > 0)
            parts.Add(1 - present.index_select(1, indicated).to(linear.weight.dtype));
        foreach (var ((index, column), embedding) in categorical.Zip(embeddings))
        {
            var number = input.select(1, index);
            var known = number.gt(0).logical_and(number.le(column.Categories.Count));
            parts.Add(embedding.call(number.where(known, zeros_like(number)).to(ScalarType.Int64)));
        }

        return cat(parts, 1);
    }

    private OnnxValue Prepare(OnnxGraph graph, OnnxValue input)
    {
        var type = input.Type!.Value;
        var parts = new List<OnnxValue>();
        if (numeric!.numel() > 0)
        {
            var numbers = graph.Columns(input, graph.Constant(numeric));
            var missing = graph.Node("IsNaN", [numbers], numbers.Shape, ScalarType.Bool);
            var filled = graph.Node("Where", [missing, graph.Constant(type == fills!.dtype ? fills : fills.to(type), nameof(fills)), numbers], numbers.Shape, type);
            parts.Add(graph.Cast(filled, ScalarType.Float32));
            if (indicated!.numel() > 0)
                parts.Add(graph.Cast(graph.Columns(missing, graph.Constant(indicated)), ScalarType.Float32));
        }

        foreach (var ((index, column), embedding) in categorical.Zip(embeddings))
        {
            OnnxValue Number(double value) => graph.Constant(tensor(value, type), "category");
            var number = graph.Columns(input, graph.Constant(tensor((long)index), "column"));
            var known = graph.Node(
                "And",
                [
                    graph.Node("Greater", [number, Number(0)], number.Shape, ScalarType.Bool),
                    graph.Node("LessOrEqual", [number, Number(column.Categories.Count)], number.Shape, ScalarType.Bool),
                ],
                number.Shape);
            parts.Add(graph.Run(embedding, graph.Cast(graph.Node("Where", [known, number, Number(0)], number.Shape, type), ScalarType.Int64)));
        }

        return graph.Join(parts, 1);
    }

    private static Embedding Embed(CategoricalColumn column)
    {
        var embedding = nn.Embedding(column.Categories.Count + 1, column.EmbeddingWidth);
        using var noGrad = no_grad();
        using var unknown = embedding.weight!.select(0, 0);
        unknown.zero_();
        return embedding;
    }

    /// <summary>What the description already contains moves with the module, but is not part of its weights.</summary>
    private void Keep(string name, Tensor value) => register_buffer(name, value.DetachFromDisposeScope(), persistent: false);
}
