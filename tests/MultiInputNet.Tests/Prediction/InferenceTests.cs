using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>What a predictor runs in place of layers gives the same features as the layers.</summary>
public sealed class InferenceTests
{
    private static readonly Dictionary<string, Func<MultiInputModelBuilder>> Models = MakeModels();

    // One of each family with all of its kinds of blocks.
    private static string[] Families => ["resnet18", "resnet50", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "convnext_tiny"];

    public static TheoryData<string> Names => [.. Models.Keys];

    public static TheoryData<string> FamilyNames => [.. Families];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_program_gives_what_its_layers_give(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Models[name]().Build(CPU, seed: 1);
        Compare(model, batchSize: 3, counts: [1, 3]);
    }

    // oneDNN packs weights for each size in another layout, of blocks of other sizes.
    [Theory]
    [MemberData(nameof(FamilyNames))]
    public void Batches_of_the_fast_size_give_what_layers_give(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MultiInputModel.Define().Input("x", Inputs.Image(3, 64, 64), Projections.Identity()).Base(Bases.Published[name])
            .Fusion(Fusions.GlobalAverage()).Task("x", Heads.Regression(1)).Build(CPU, seed: 1);
        foreach (var batchSize in new[] { 1, 2, 8, 16 })
            Compare(model, batchSize, counts: [batchSize, batchSize + 1]);
    }

    private static void Compare(MultiInputModel model, int batchSize, int[] counts)
    {
        Disturb(model);
        using var fast = InferencePaths.Find(model.Built.Paths, batchSize)!;

        foreach (var path in model.Paths)
        {
            fast.Contains(path.Name).Should().BeTrue();
            foreach (var count in counts)
            {
                var batch = path.Spec.BatchType is null ? rand([count, .. path.Spec.Shape]) : randint(5, [count, .. path.Spec.Shape]).to(ScalarType.Int64);
                var expected = model.forward_features(new Dictionary<string, Tensor> { [path.Name] = batch })[path.Name];

                var found = fast.Run(path, batch);

                found.shape.Should().Equal(expected.shape);
                (found - expected).abs().max().ToDouble().Should().BeLessThan(1e-5 * expected.abs().max().ToDouble(), "{0} of {1} samples", path.Name, count);
            }
        }
    }

    /// <summary>Gives every weight, bias and statistic of a normalisation a value that matters.</summary>
    private static void Disturb(MultiInputModel model)
    {
        foreach (var (name, value) in model.state_dict())
        {
            if (!value.is_floating_point() || name.StartsWith("input_standardizations.", StringComparison.Ordinal))
                continue;
            if (name.EndsWith("running_var", StringComparison.Ordinal))
                value.copy_(rand_like(value) + 0.5);
            else if (value.dim() == 1 && name.EndsWith("weight", StringComparison.Ordinal))
                value.copy_(rand_like(value) + 0.5);
            else if (value.dim() == 1)
                value.copy_((rand_like(value) - 0.5) * 0.4);
            else if (value.count_nonzero().ToInt64() == 0)
                value.copy_((rand_like(value) - 0.5) * 0.2);
        }

        model.eval();
    }

    private static Dictionary<string, Func<MultiInputModelBuilder>> MakeModels()
    {
        var models = new Dictionary<string, Func<MultiInputModelBuilder>>();
        foreach (var (name, spec) in Bases.Published.Where(pair => Families.Contains(pair.Key)))
            models[name] = () => Of(spec, Fusions.GlobalAverage(), 64);
        foreach (var normalization in Enum.GetValues<Normalization>())
        {
            foreach (var activation in Enum.GetValues<Activation>().Where(kind => normalization == Normalization.Batch || kind == Activation.ReLU))
            {
                var spec = Bases.ConvNet(channels: 3, 10, 24) with { Normalization = normalization, Activation = activation };
                models[$"ConvNet {normalization} {activation}"] = () => Of(spec, Fusions.Flatten(), 11);
            }
        }

        foreach (var pooling in Enum.GetValues<Pooling>())
        {
            var spec = Bases.ConvNet(channels: 6, 8, 16) with { Pooling = pooling, Depth = 2, Residual = true };
            models[$"ConvNet residual {pooling}"] = () => Of(spec, Fusions.Flatten(), 7);
            models[$"ConvNet of even size {pooling}"] = () => Of(spec, Fusions.Flatten(), 12);
        }

        foreach (var (perInput, adapters) in new[] { (PerInput.Statistics, Adapters.None), (PerInput.Normalization, Adapters.Parallel), (PerInput.Nothing, Adapters.Series) })
        {
            models[$"ConvNet per input {perInput} {adapters}"] = () => Of(Bases.ConvNet(channels: 3, 8, 16) with { Normalization = Normalization.Batch }, Fusions.Flatten(), 9, perInput, adapters);
            models[$"mobilenet per input {perInput} {adapters}"] = () => Of(Bases.MobileNetV3Small(), Fusions.GlobalAverage(), 32, perInput, adapters);
        }

        models["resnet18 with group normalisation"] = () => Of(Bases.ResNet18() with { Normalization = Normalization.Group }, Fusions.GlobalAverage(), 32);
        return models;
    }

    private static MultiInputModelBuilder Of(
        BaseSpec spec, FusionSpec fusion, int size, PerInput perInput = PerInput.Nothing, Adapters adapters = Adapters.None)
    {
        var builder = MultiInputModel.Define()
            .Input("same", Inputs.Image(spec.Channels, size, size) with { Mean = [.. Enumerable.Repeat(0.4, spec.Channels)], StandardDeviation = [.. Enumerable.Repeat(0.3, spec.Channels)] }, Projections.Identity())
            .Input("far", Inputs.Image(2, size, size) with { Mean = [1000, 0], StandardDeviation = [1, 2] })
            .Base(spec, perInput: perInput, adapters: adapters)
            .Fusion(fusion);
        var inputs = new List<string> { "same", "far" };
        if (spec is not ImageBaseSpec)
        {
            builder
                .Input("gray", Inputs.Image(1, size, size) with { Mean = [0.4], StandardDeviation = [0.3] })
                .Input("curved", Inputs.Image(4, size, size), Projections.Convolution(Normalization.Batch, Activation.GELU))
                .Input("many", Inputs.Image(13, size, size))
                .Input("steps", Inputs.Sequence(2, 40)).Input("words", Inputs.Tokens(6, 12)).Input("row", Inputs.Tabular(5));
            inputs.AddRange("gray", "curved", "many", "steps", "words", "row");
        }

        if (spec is not ConvNetSpec { Residual: true })
        {
            builder.Input("stem", Inputs.Image(2, size, size), Projections.AdaptedStem(StemMethod.Mean))
                .Input("bands", Inputs.Image(2, size, size) with { Mean = [0.1, 0.9], StandardDeviation = [2, 0.5] }, Projections.BandStem("a", "b"));
            inputs.AddRange("stem", "bands");
        }

        foreach (var input in inputs)
            builder.Task(input, Heads.Regression(1));
        return builder;
    }
}
