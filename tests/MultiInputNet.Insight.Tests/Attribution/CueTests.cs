using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Attribution;

/// <summary>Each method finds a planted cue in at least 95 % of samples that a small model was not trained on.</summary>
public sealed class CueTests : IDisposable
{
    private const int Held = 100;

    private static readonly SaliencyOptions TimesInput = new() { TimesInput = true };

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Generator generator = new(11);

    public void Dispose()
    {
        generator.Dispose();
        scope.Dispose();
    }

    [Fact]
    public void A_bright_corner()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(2, 12, 12))
            .Base(Bases.ConvNet(8, 16, 16))
            .Task("photo", Heads.Classification(4), fusion: Fusions.Flatten())
            .Build(CPU, seed: 1);
        var (x, corners) = Photos(600);
        Train(model, new TensorSource("photo", x, corners));
        (x, corners) = Photos(Held);
        Accuracy(model.forward(x, "photo"), corners).Should().BeGreaterThan(0.95);

        Found(Insight.IntegratedGradients(model, "photo", x).sum(1), corners).Should().BeGreaterThanOrEqualTo(0.95, "integrated gradients");
        Found(Insight.Occlusion(model, "photo", x).sum(1), corners).Should().BeGreaterThanOrEqualTo(0.95, "occlusion");
        Found(Insight.Saliency(model, "photo", x, options: TimesInput).sum(1), corners).Should().BeGreaterThanOrEqualTo(0.95, "gradient times input");
        Found(Insight.GradCam(model, "photo", x, options: new() { PositiveOnly = false }), corners).Should().BeGreaterThanOrEqualTo(0.95, "Grad-CAM with its sign");

        // The corner is in the first band alone.
        var bands = Insight.ChannelImportance(model, "photo", Insight.IntegratedGradients(model, "photo", x));
        bands[0].Share.Should().BeGreaterThan(bands[1].Share);
    }

    // Grad-CAM weights channels, not positions: it explains what is there, and where that is, of models that pool over positions.
    [Fact]
    public void A_patch_in_any_corner_by_its_band()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(2, 12, 12))
            .Base(Bases.ConvNet(8, 16, 16))
            .Task("photo", Heads.Classification(2), fusion: Fusions.GlobalAverage())
            .Build(CPU, seed: 1);
        var (x, bands, _) = Patches(600);
        Train(model, new TensorSource("photo", x, bands));
        (x, bands, var corners) = Patches(Held);
        Accuracy(model.forward(x, "photo"), bands).Should().BeGreaterThan(0.95);

        Found(Insight.GradCam(model, "photo", x), corners).Should().BeGreaterThanOrEqualTo(0.95, "Grad-CAM");
        Found(Insight.IntegratedGradients(model, "photo", x).sum(1), corners).Should().BeGreaterThanOrEqualTo(0.95, "integrated gradients");
        Found(Insight.Occlusion(model, "photo", x).sum(1), corners).Should().BeGreaterThanOrEqualTo(0.95, "occlusion");
        Found(Insight.Saliency(model, "photo", x, options: TimesInput).sum(1), corners).Should().BeGreaterThanOrEqualTo(0.95, "gradient times input");
    }

    [Fact]
    public void One_column()
    {
        using var model = MultiInputModel.Define()
            .Input("row", Inputs.Tabular([.. Enumerable.Range(0, 5).Select(i => new NumericColumn($"c{i}")), new CategoricalColumn("kind", ["a", "b", "c"])]))
            .Base(Bases.ConvNet(8, 16))
            .Task("row", Heads.Classification(2))
            .Build(CPU, seed: 1);
        (Tensor, Tensor) Rows(int count)
        {
            var rows = cat([randn([count, 5], generator: generator), randint(1, 4, [count, 1], ScalarType.Float32, generator: generator)], 1);
            return (rows, rows.select(1, 3).gt(0).to(ScalarType.Int64));
        }

        var (x, sides) = Rows(1500);
        Train(model, new TensorSource("row", x, sides));
        (x, sides) = Rows(Held);

        // Close to the border the column's number is next to nothing, and so is its contribution.
        x = x[x.select(1, 3).abs() > 0.3];
        double Found(Tensor values) => values.abs().argmax(1).eq(3).to(ScalarType.Float64).mean().ToDouble();

        Found(Insight.IntegratedGradients(model, "row", x)).Should().BeGreaterThanOrEqualTo(0.95, "integrated gradients");
        Found(Insight.Saliency(model, "row", x)).Should().BeGreaterThanOrEqualTo(0.95, "saliency");
        Found(Insight.Occlusion(model, "row", x)).Should().BeGreaterThanOrEqualTo(0.95, "occlusion");
        Insight.ChannelImportance(model, "row", Insight.IntegratedGradients(model, "row", x)).MaxBy(column => column.Share)!.Name.Should().Be("c3");
    }

    [Fact]
    public void A_category()
    {
        using var model = MultiInputModel.Define()
            .Input("row", Inputs.Tabular(new NumericColumn("a"), new CategoricalColumn("kind", ["x", "y", "z"]), new NumericColumn("b")))
            .Base(Bases.ConvNet(8, 16))
            .Task("row", Heads.Classification(3))
            .Build(CPU, seed: 1);
        (Tensor, Tensor) Rows(int count)
        {
            var kinds = randint(1, 4, [count, 1], ScalarType.Float32, generator: generator);
            return (cat([randn([count, 1], generator: generator), kinds, randn([count, 1], generator: generator)], 1), kinds.squeeze(1).to(ScalarType.Int64) - 1);
        }

        var (x, kinds) = Rows(1000);
        Train(model, new TensorSource("row", x, kinds));
        (x, kinds) = Rows(Held);
        double Found(Tensor values) => values.abs().argmax(1).eq(1).to(ScalarType.Float64).mean().ToDouble();

        Found(Insight.IntegratedGradients(model, "row", x)).Should().BeGreaterThanOrEqualTo(0.95, "integrated gradients");
        Found(Insight.Saliency(model, "row", x)).Should().BeGreaterThanOrEqualTo(0.95, "saliency");
        Found(Insight.Occlusion(model, "row", x)).Should().BeGreaterThanOrEqualTo(0.95, "occlusion");
    }

    [Fact]
    public void One_time_step()
    {
        using var model = MultiInputModel.Define()
            .Input("wave", Inputs.Sequence(2, 40), Projections.Sequence(kernelSize: 3, rows: 1))
            .Base(Bases.ConvNet(8, 16) with { Depth = 2 })
            .Task("wave", Heads.Classification(2), fusion: Fusions.GlobalMax())
            .Build(CPU, seed: 1);
        (Tensor Waves, Tensor Sides, Tensor Steps) Waves(int count)
        {
            var waves = randn([count, 2, 40], generator: generator) * 0.3;
            var steps = randint(0, 40, [count], ScalarType.Int64, generator: generator);
            var sides = randint(0, 2, [count], ScalarType.Int64, generator: generator);
            waves.select(1, 1).scatter_(1, steps.unsqueeze(1), ((sides * 2 - 1) * 4).unsqueeze(1).to(ScalarType.Float32));
            return (waves, sides, steps);
        }

        var (x, sides, steps) = Waves(800);
        Train(model, new TensorSource("wave", x, sides));
        (x, sides, steps) = Waves(Held);
        double Found(Tensor values, int within) => (values.argmax(1) - steps).abs().le(within).to(ScalarType.Float64).mean().ToDouble();

        Found(Insight.PositionImportance(model, "wave", Insight.IntegratedGradients(model, "wave", x)), within: 0).Should().BeGreaterThanOrEqualTo(0.95, "integrated gradients");
        Found(Insight.Occlusion(model, "wave", x, window: new([2, 1])).sum(1), within: 0).Should().BeGreaterThanOrEqualTo(0.95, "occlusion");
        Found(Insight.Saliency(model, "wave", x, options: TimesInput).sum(1), within: 0).Should().BeGreaterThanOrEqualTo(0.95, "gradient times input");

        // A position of the map sees 7 steps, and 2 of these are one position.
        Found(Insight.GradCam(model, "wave", x, sides[0].ToInt64(), new() { PositiveOnly = false }).abs(), within: 4).Should().BeGreaterThanOrEqualTo(0.95, "Grad-CAM");
    }

    [Fact]
    public void A_time_step_that_is_always_the_same()
    {
        using var model = MultiInputModel.Define()
            .Input("wave", Inputs.Sequence(2, 24), Projections.Sequence(kernelSize: 3, rows: 1))
            .Base(Bases.ConvNet(8, 16))
            .Task("wave", Heads.Classification(2))
            .Build(CPU, seed: 1);
        (Tensor Waves, Tensor Sides) Waves(int count)
        {
            var waves = randn([count, 2, 24], generator: generator);
            return (waves, waves.select(1, 1).select(1, 13).gt(0).to(ScalarType.Int64));
        }

        var (x, sides) = Waves(2000);
        Train(model, new TensorSource("wave", x, sides), epochs: 20);
        (x, sides) = Waves(Held);

        // Close to the border the step's number is next to nothing, and so is its contribution.
        x = x[x.select(1, 1).select(1, 13).abs() > 0.5];
        double Found(Tensor values) => values.argmax(1).eq(13).to(ScalarType.Float64).mean().ToDouble();

        Found(Insight.Saliency(model, "wave", x).sum(1)).Should().BeGreaterThanOrEqualTo(0.95, "saliency");
        Found(Insight.PositionImportance(model, "wave", Insight.IntegratedGradients(model, "wave", x))).Should().BeGreaterThanOrEqualTo(0.95, "integrated gradients");
        Found(Insight.Occlusion(model, "wave", x, window: new([2, 1])).sum(1)).Should().BeGreaterThanOrEqualTo(0.95, "occlusion");
    }

    [Fact]
    public void One_token()
    {
        using var model = MultiInputModel.Define()
            .Input("text", Inputs.Tokens(12, 24), Projections.Sequence(kernelSize: 3, rows: 1))
            .Base(Bases.ConvNet(8, 16))
            .Task("text", Heads.Classification(2), fusion: Fusions.GlobalMax())
            .Build(CPU, seed: 1);

        // Token 0 or token 1 once, among others.
        (Tensor Texts, Tensor Sides, Tensor Places) Texts(int count)
        {
            var texts = randint(2, 12, [count, 24], ScalarType.Int64, generator: generator);
            var places = randint(0, 24, [count], ScalarType.Int64, generator: generator);
            var sides = randint(0, 2, [count], ScalarType.Int64, generator: generator);
            texts.scatter_(1, places.unsqueeze(1), sides.unsqueeze(1));
            return (texts, sides, places);
        }

        var (x, sides, places) = Texts(1500);
        Train(model, new TensorSource("text", x, sides), epochs: 12);
        (x, sides, places) = Texts(Held);
        Accuracy(model.forward(x, "text"), sides).Should().BeGreaterThan(0.95);
        double Found(Tensor values, int within) => (values.argmax(1) - places).abs().le(within).to(ScalarType.Float64).mean().ToDouble();

        Found(Insight.IntegratedGradients(model, "text", x).abs(), 0).Should().BeGreaterThanOrEqualTo(0.95, "integrated gradients");
        Found(Insight.Occlusion(model, "text", x).abs(), 0).Should().BeGreaterThanOrEqualTo(0.95, "occlusion");
        Found(Insight.Saliency(model, "text", x), 3).Should().BeGreaterThanOrEqualTo(0.95, "saliency, in the layers' view of the token");
    }

    [Fact]
    public void One_of_two_inputs()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(2, 12, 12))
            .Input("row", Inputs.Tabular(6))
            .Base(Bases.ConvNet(8, 16, 16))
            .Task("both", Heads.Classification(2), from: ["row", "photo"], fusion: Fusions.Concat(Fusions.GlobalAverage()))
            .Build(CPU, seed: 1);
        (Dictionary<string, Tensor>, Tensor) Samples(int count)
        {
            var (photos, bands, _) = Patches(count);
            return (new() { ["photo"] = photos, ["row"] = randn([count, 6], generator: generator) }, bands);
        }

        var (x, bands) = Samples(600);
        Train(model, new TensorSource("both", x, new Dictionary<string, Tensor> { ["both"] = bands }));
        (x, bands) = Samples(Held);
        Accuracy(model.forward(x)["both"], bands).Should().BeGreaterThan(0.95);

        double Found(IReadOnlyDictionary<string, Tensor> values) =>
            Size(values["photo"]).gt(Size(values["row"])).to(ScalarType.Float64).mean().ToDouble();

        static Tensor Size(Tensor values) => values.abs().flatten(1).sum(1);

        Found(Insight.IntegratedGradients(model, "both", x)).Should().BeGreaterThanOrEqualTo(0.95, "integrated gradients");
        Found(Insight.Saliency(model, "both", x)).Should().BeGreaterThanOrEqualTo(0.95, "saliency");
        Found(Insight.Occlusion(model, "both", x)).Should().BeGreaterThanOrEqualTo(0.95, "occlusion");
        Found(Insight.GradCam(model, "both", x, options: new() { Resize = false, PositiveOnly = false })).Should().BeGreaterThanOrEqualTo(0.95, "Grad-CAM");
        var shares = Insight.InputImportance(Insight.IntegratedGradients(model, "both", x));
        shares.Select(share => share.Name).Should().Equal("row", "photo");
        shares.Sum(share => share.Share).Should().BeApproximately(1, 1e-6);
        shares[1].Share.Should().BeGreaterThan(shares[0].Share);
    }

    private (Tensor Photos, Tensor Corners) Photos(int count)
    {
        var photos = randn([count, 2, 12, 12], generator: generator) * 0.3;
        var corners = randint(0, 4, [count], ScalarType.Int64, generator: generator);
        for (var i = 0; i < count; i++)
        {
            using var inner = NewDisposeScope();
            var corner = corners[i].ToInt64();
            photos[i, 0].narrow(0, corner / 2 * 8, 4).narrow(1, corner % 2 * 8, 4).add_(2);
        }

        return (photos, corners);
    }

    /// <summary>A bright patch in one of the bands, in any corner.</summary>
    private (Tensor Photos, Tensor Bands, Tensor Corners) Patches(int count)
    {
        var photos = randn([count, 2, 12, 12], generator: generator) * 0.3;
        var corners = randint(0, 4, [count], ScalarType.Int64, generator: generator);
        var bands = randint(0, 2, [count], ScalarType.Int64, generator: generator);
        for (var i = 0; i < count; i++)
        {
            using var inner = NewDisposeScope();
            var corner = corners[i].ToInt64();
            photos[i, bands[i].ToInt64()].narrow(0, corner / 2 * 8, 4).narrow(1, corner % 2 * 8, 4).add_(2);
        }

        return (photos, bands, corners);
    }

    /// <summary>In how many samples the quarter of a map, (batch, height, width), with the largest mean size is the corner's.</summary>
    private static double Found(Tensor maps, Tensor corners) => nn.functional.adaptive_avg_pool2d(maps.abs().unsqueeze(1), [2L, 2L]).flatten(1)
        .argmax(1).eq(corners).to(ScalarType.Float64).mean().ToDouble();

    private static void Train(MultiInputModel model, DataSource source, int epochs = 8)
    {
        new Trainer(model, new() { Epochs = epochs, BatchSize = 32, LearningRate = 5e-3, Seed = 1 }).Fit([source]);
        model.eval();
    }

    private static double Accuracy(Tensor output, Tensor labels) => output.argmax(1).eq(labels).to(ScalarType.Float64).mean().ToDouble();
}
