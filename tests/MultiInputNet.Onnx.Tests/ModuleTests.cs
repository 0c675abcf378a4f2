using System.Reflection;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

public sealed class ModuleTests
{
    [Theory]
    [InlineData(TransformerOutput.Patches, 16)]
    [InlineData(TransformerOutput.ClassToken, 16)]
    [InlineData(TransformerOutput.Tokens, 16)]
    [InlineData(TransformerOutput.Tokens, 24)] // not the grid of the position embedding
    public void A_vision_transformer(TransformerOutput output, int height) => Check(Transformer(output, height));

    [Fact]
    public void Attention_over_maps_of_different_sizes() => Check(MultiInputModel.Define()
        .Input("a", Inputs.Image(3, 12, 8)).Input("b", Inputs.Image(1, 16, 16)).Base(Bases.ConvNet(3, 8))
        .Task("both", Heads.Classification(3, hidden: 5, dropout: 0.2), from: ["a", "b"], fusion: Fusions.Attention(4)));

    [Fact]
    public void Tables_with_missing_numbers_and_categories_and_targets_in_their_own_unit() => Check(MultiInputModel.Define()
        .Input("table", Table with { Mean = [1000, 0, 0], StandardDeviation = [20, 1, 3] })
        .Input("tokens", Inputs.Tokens(vocabulary: 9, length: 13)).Input("sequence", Inputs.Sequence(2, length: 11)).Base(Bases.ConvNet(3, 8))
        .Fusion(Fusions.GlobalAverage())
        .Task("table", Heads.Regression(2, hidden: 6) with { Mean = [1e6, -3], StandardDeviation = [0.5, 20] })
        .Task("tokens", Heads.MultiLabel(3)).Task("sequence", Heads.Regression(1) with { StandardizesTargets = false }));

    [Theory]
    [InlineData(Adapters.Parallel)]
    [InlineData(Adapters.Series)]
    public void Adapters_statistics_and_stems_of_each_input(Adapters adapters) => Check(MultiInputModel.Define()
        .Input("gray", Inputs.Image(1, 12, 12), Projections.AdaptedStem()).Input("bands", Inputs.Image(3, 12, 12), Projections.BandStem(["red", "green", "nir"], shared: true))
        .Input("photo", Inputs.Image(3, 12, 12))
        .Base(Bases.ConvNet(3, 8, 4) with { Normalization = Normalization.Batch }, perInput: PerInput.Normalization, adapters: adapters)
        .Fusion(Fusions.GlobalMax(), shared: true)
        .Task("gray", Heads.Classification(2)).Task("bands", Heads.Classification(2)).Task("photo", Heads.Classification(2)));

    public static TheoryData<string> Layers => [.. SequentialLayers.Keys];

    private static readonly Dictionary<string, Func<nn.Module<Tensor, Tensor>>> SequentialLayers = new()
    {
        ["ConvTranspose2d"] = () => nn.ConvTranspose2d(3, 4, 3, stride: 2, padding: 1, output_padding: 1),
        ["InstanceNorm2d"] = () => nn.InstanceNorm2d(3, affine: true),
        ["MaxPool2d"] = () => nn.MaxPool2d(3, stride: 2, padding: 1),
        ["MaxPool2d, ceiling"] = () => nn.MaxPool2d(3, stride: 2, padding: 1, ceil_mode: true),
        ["AvgPool2d"] = () => nn.AvgPool2d(3, stride: 2, padding: 1),
        ["AvgPool2d, no padding counted"] = () => nn.AvgPool2d(3, stride: 2, padding: 1, count_include_pad: false),
        ["AdaptiveAvgPool2d"] = () => nn.AdaptiveAvgPool2d([1, 1]),
        ["AdaptiveMaxPool2d"] = () => nn.AdaptiveMaxPool2d([1, 1]),
        ["Flatten"] = () => nn.Sequential(nn.Flatten(), nn.Linear(3 * 9 * 9, 8), nn.BatchNorm1d(8), nn.Unflatten(1, [2, 2, 2])),
        ["Conv1d"] = () => nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 4, 5L, stride: 2, padding: 1, dilation: 2), nn.MaxPool1d(3), nn.AvgPool1d(2), nn.Unflatten(2, [-1, 1])),
        ["PixelShuffle"] = () => nn.Sequential(nn.Conv2d(3, 8, 1), nn.PixelShuffle(2)),
        ["GroupNorm"] = () => nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(4, 8)),
        ["LayerNorm"] = () => nn.LayerNorm([9]),
        ["ReLU6"] = () => nn.ReLU6(),
        ["LeakyReLU"] = () => nn.LeakyReLU(0.3),
        ["PReLU"] = () => nn.Sequential(nn.PReLU(3), nn.PReLU(1)),
        ["ELU"] = () => nn.ELU(0.7),
        ["SELU"] = () => nn.SELU(),
        ["CELU"] = () => nn.CELU(0.6),
        ["GELU"] = () => nn.GELU(),
        ["SiLU"] = () => nn.SiLU(),
        ["Mish"] = () => nn.Mish(),
        ["Sigmoid"] = () => nn.Sigmoid(),
        ["Hardsigmoid"] = () => nn.Hardsigmoid(),
        ["Hardswish"] = () => nn.Hardswish(),
        ["Softplus"] = () => nn.Softplus(),
        ["Softmax"] = () => nn.Softmax(1),
        ["LogSoftmax"] = () => nn.LogSoftmax(-1),
        ["Tanh"] = () => nn.Tanh(),
        ["Dropout"] = () => nn.Sequential(nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout(), nn.Identity()),
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void Usual_layers_of_TorchSharp(string layer) => Check(MultiInputModel.Define()
        .Input("x", Inputs.Image(3, 9, 9), Projections.Identity()).Base(Bases.From("own", 3, SequentialLayers[layer]))
        .Task("x", Heads.Regression(2), fusion: Fusions.Flatten()));

    [Fact]
    public void Images_of_any_size()
    {
        MultiInputModelBuilder Of(int height, int width) => MultiInputModel.Define()
            .Input("a", Inputs.Image(3, height, width)).Base(Bases.ConvNet(3, 8, 8)).Fusion(Fusions.Attention(2)).Task("a", Heads.Classification(3));
        using var model = Built(Of(16, 16));
        using var other = Built(Of(20, 12));
        var options = new OnnxOptions { DynamicSize = true };
        using var session = new InferenceSession(OnnxExport.ToBytes(model, options));
        using var noGrad = no_grad();
        using var image = rand(2, 3, 20, 12);
        using var results = session.Run(new RunOptions(), new Dictionary<string, OrtValue> { ["a"] = Value(image) }, session.OutputNames);
        Largest(results[0], ((TaskHead)other.Head("a")).Answer(other.forward(new Dictionary<string, Tensor> { ["a"] = image })["a"])).Should().BeLessThan(1e-5);
    }

    [Fact]
    public void A_module_that_needs_a_fixed_size_refuses_images_of_any_size()
    {
        using var transformer = Built(Transformer(TransformerOutput.Patches, 16));
        using var flattened = Built(MultiInputModel.Define().Input("a", Inputs.Image(3, 8, 8)).Base(Bases.ConvNet(3, 8)).Task("a", Heads.Classification(2), fusion: Fusions.Flatten()));
        foreach (var model in new[] { transformer, flattened })
            model.Invoking(it => it.ToOnnx(new() { DynamicSize = true })).Should().Throw<MultiInputException>().WithMessage("*fixed size*dynamic size*");
    }

    [Fact]
    public void Categories_are_looked_up_in_the_graph()
    {
        var table = Table;
        using var model = Built(MultiInputModel.Define().Input("t", table).Base(Bases.ConvNet(2, 4)).Task("t", Heads.Regression(1), fusion: Fusions.Flatten()));
        using var session = new InferenceSession(OnnxExport.ToBytes(model, new() { CategoriesAsText = true }));
        session.InputNames.Should().Equal("t.weight", "t.kind", "t.age");
        string[] kinds = ["cat", "dog", "unheard of"];
        using var text = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, [3, 1]);
        foreach (var (index, kind) in kinds.Index())
            text.StringTensorSetElementAt(kind, index);
        using var results = session.Run(new RunOptions(), new Dictionary<string, OrtValue>
        {
            ["t.weight"] = Value(tensor([1.5f, float.NaN, 3f]).view(3, 1)), ["t.kind"] = text, ["t.age"] = Value(tensor([float.NaN, 2f, 4f]).view(3, 1)),
        }, session.OutputNames);
        using var rows = table.Encode([
            new Dictionary<string, string?> { ["weight"] = "1.5", ["kind"] = "cat", ["age"] = null },
            new Dictionary<string, string?> { ["weight"] = "", ["kind"] = "dog", ["age"] = "2" },
            new Dictionary<string, string?> { ["weight"] = "3", ["kind"] = "unheard of", ["age"] = "4" },
        ]);
        using var noGrad = no_grad();
        Largest(results[0], ((TaskHead)model.Head("t")).Answer(model.forward(new Dictionary<string, Tensor> { ["t"] = rows })["t"])).Should().BeLessThan(1e-5);
    }

    [Fact]
    public void Weights_have_their_names_and_stand_once_in_the_graph()
    {
        using var model = Built(MultiInputModel.Define().Input("a", Inputs.Image(3, 8, 8)).Input("b", Inputs.Image(1, 8, 8))
            .Base(Bases.ConvNet(3, 8) with { Normalization = Normalization.Group }).Fusion(Fusions.Attention(2)).Task("a", Heads.Classification(2)).Task("b", Heads.Classification(2)));
        using var graph = model.ToOnnx();
        var state = model.state_dict();
        state.Keys.Where(name => name.EndsWith(".weight", StringComparison.Ordinal) && state[name].dim() != 1).Should().BeSubsetOf(graph.Initializers.Keys);
        foreach (var (name, value) in graph.Initializers.Where(constant => state.ContainsKey(constant.Key)))
            value.Should().BeSameAs(state[name], name);
        graph.Initializers.Keys.Where(name => name.StartsWith("base_model", StringComparison.Ordinal) && !state.ContainsKey(name)).Should().NotContain(
            name => name.EndsWith("_1", StringComparison.Ordinal), "what both inputs need stands there once");
    }

    [Fact]
    public void An_answer_of_its_own_without_operations_is_refused()
    {
        using var model = Built(MultiInputModel.Define().Input("a", Inputs.Image(3, 8, 8)).Base(Bases.ConvNet(3, 8))
            .Task("a", Heads.From("halved", features => new HalvedHead(features)), fusion: Fusions.GlobalAverage()));
        model.Invoking(it => it.ToOnnx()).Should().Throw<MultiInputException>().WithMessage("*HalvedHead*Answer*ExportAnswer*RawOutputs*");
        using var raw = model.ToOnnx(new() { RawOutputs = true });
        raw.Outputs.Select(output => output.Name).Should().Equal("a_output");
    }

    [Fact]
    public void A_module_without_operations_is_refused_by_name_and_nothing_is_written()
    {
        using var model = Built(MultiInputModel.Define().Input("a", Inputs.Image(3, 8, 8)).Base(Bases.ConvNet(3, 8))
            .Task("a", Heads.Classification(2), fusion: Fusions.From("sums", _ => new ChannelSums())));
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        model.Invoking(it => it.ExportOnnx(path)).Should().Throw<MultiInputException>().WithMessage("*ChannelSums*IOnnxModule*");
        File.Exists(path).Should().BeFalse();
    }

    [Fact]
    public void Every_module_of_the_library_says_what_it_computes()
    {
        // A program of its own, and what a GraphBase exports itself.
        string[] known = ["TorchScriptBase", "GraphLayer", "GraphPadding"];
        typeof(MultiInputModel).Assembly.GetTypes()
            .Where(type => !type.IsAbstract && type.IsAssignableTo(typeof(nn.Module)) && type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Any(method => method.Name == "forward"))
            .Where(type => type != typeof(MultiInputModel) && !type.IsAssignableTo(typeof(IOnnxModule)) && !type.GetInterfaces().Any(its => its.Name == "IInferenceLayer"))
            .Where(type => !type.IsSubclassOf(typeof(TorchSharp.Modules.BatchNorm)) && type.BaseType!.Name != "Stem")
            .Select(type => type.Name).Should().BeEquivalentTo(known);
    }

    private static TabularInput Table => Inputs.Tabular(
        new NumericColumn("weight") { Fill = 2, MissingIndicator = true }, new CategoricalColumn("kind", ["cat", "dog"]) { EmbeddingWidth = 3 }, new NumericColumn("age") { Fill = -1 });

    private static MultiInputModelBuilder Transformer(TransformerOutput output, int height) => MultiInputModel.Define()
        .Input("a", Inputs.Image(1, height, 16)).Input("b", Inputs.Image(3, 16, 16))
        .Base(new VisionTransformerSpec(3) { Width = 8, Depth = 2, Heads = 2, PatchSize = 4, ImageSize = 16, Output = output })
        .Fusion(Fusions.GlobalAverage()).Task("a", Heads.Classification(3)).Task("b", Heads.Classification(3));

    private static MultiInputModel Built(MultiInputModelBuilder builder)
    {
        var model = builder.Build(CPU, seed: 1);
        ModelGenerator.Randomize(model, 1);
        model.eval();
        return model;
    }

    private static void Check(MultiInputModelBuilder builder)
    {
        using var model = Built(builder);
        foreach (var options in new OnnxOptions[] { new(), new() { RawOutputs = true } })
            Difference.Find(model, options, OnnxExport.ToBytes(model, options), 1).Should().BeNull();
    }

    private static OrtValue Value(Tensor values) => OrtValue.CreateTensorValueFromMemory(values.data<float>().ToArray(), values.shape);

    private static double Largest(OrtValue actual, Tensor expected) =>
        (tensor(actual.GetTensorDataAsSpan<float>().ToArray()).view(expected.shape) - expected).abs().max().ToDouble() / expected.abs().max().ToDouble();
}

/// <summary>Half of its output is its answer, which it does not say in ONNX.</summary>
internal sealed class HalvedHead : TaskHead, IOnnxModule
{
    private readonly TorchSharp.Modules.Linear linear;

    public HalvedHead(int features)
        : base(nameof(HalvedHead), 2)
    {
        linear = nn.Linear(features, 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => linear.call(input);

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs) => graph.Run(linear, inputs);

    public override Tensor Predict(Tensor output) => output / 2;

    public override Tensor Loss(Tensor output, Tensor target) => (output - target).square().mean();

    public override TaskMetrics CreateMetrics() => new RegressionMetrics(Outputs);

    public override void CheckTarget(Tensor target)
    {
    }
}
