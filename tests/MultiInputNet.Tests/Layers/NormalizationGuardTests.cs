using MultiInputNet.Data;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>A batch normalisation that gets one value per channel in training, as PyTorch's "Expected more than 1 value per channel when training".</summary>
public sealed class NormalizationGuardTests
{
    public static TheoryData<string> Kinds { get; } = ["base", "several", "own", "wrapped", "table", "projection", "head", "published"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void One_value_per_channel_is_refused_before_the_statistics_change(string kind)
    {
        using var scope = NewDisposeScope();
        var (model, x, message) = Build(kind);
        using var owned = model;
        var before = TrainingProblem.Weights(model);
        model.train();

        FluentActions.Invoking(() => model.forward(x, "a")).Should().Throw<MultiInputException>().WithMessage(message + "*one value per channel*");

        if (kind != "published") // its first normalisations have larger maps
            model.ShouldHave(before);
        model.eval();
        model.forward(x, "a").isfinite().all().ToBoolean().Should().BeTrue();
        model.train();
        model.forward(cat([x, x + 1]), "a").isfinite().all().ToBoolean().Should().BeTrue("two samples have a variance");
        foreach (var (name, buffer) in model.named_buffers())
            buffer.isfinite().all().ToBoolean().Should().BeTrue(name);
    }

    [Fact]
    public void A_frozen_one_needs_no_variance()
    {
        using var scope = NewDisposeScope();
        var (model, x, _) = Build("base");
        using var owned = model;
        model.Freeze(Parts.Base);
        model.train();

        model.forward(x, "a").isfinite().all().ToBoolean().Should().BeTrue();
    }

    [Fact]
    public void A_training_on_single_samples_stops_with_the_model_as_it_was()
    {
        using var scope = NewDisposeScope();
        var (model, _, _) = Build("published");
        using var owned = model;
        var before = TrainingProblem.Weights(model);
        var source = new TensorSource("a", rand(3, 3, 32, 32), rand(3, 1)) { BatchSize = 1 };

        FluentActions.Invoking(() => new Trainer(model, new() { Epochs = 1 }).Fit([source]))
            .Should().Throw<MultiInputException>().WithMessage("Input 'a', base: its batch normalisation 'layer4.0.bn1' gets one value per channel, a batch of (1, 512, 1, 1)*");

        model.ShouldHave(before);
    }

    [Fact]
    public void Statistics_that_become_not_finite_stop_a_training_with_the_model_as_it_was()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(1, 2, 2)).Base(Bases.From("counting", 4, () => new Counting()))
            .Task("a", Heads.Regression(1)).Build(CPU);
        var before = TrainingProblem.Weights(model);

        FluentActions.Invoking(() => new Trainer(model, new() { Epochs = 3 }).Fit([new TensorSource("a", rand(8, 1, 2, 2), rand(8, 1)) { BatchSize = 4 }]))
            .Should().Throw<MultiInputException>().WithMessage("Training, training: 'base_model.module.seen'*not finite at step 3*");

        model.Module("base_model").named_buffers().Single(buffer => buffer.name == "module.seen").buffer.ToDouble().Should().Be(3, "two steps were whole");
        model.Module("base_model").named_buffers().Single(buffer => buffer.name == "module.mask").buffer.ToDouble().Should().Be(double.NegativeInfinity);
        TrainingProblem.Changed(model, before).Should().NotBeEmpty();
        foreach (var (name, parameter) in model.named_parameters())
            parameter.isfinite().all().ToBoolean().Should().BeTrue(name);
    }

    private static (MultiInputModel Model, Tensor X, string Message) Build(string kind)
    {
        var batch = Bases.ConvNet(4, 8) with { Normalization = Normalization.Batch, Pooling = Pooling.None };
        var builder = MultiInputModel.Define().Task("a", kind == "head"
            ? Heads.From("normalised", features => nn.Sequential(nn.BatchNorm1d(features), nn.Linear(features, 1)))
            : Heads.Regression(1));
        if (kind == "several")
            builder.Input("b", Inputs.Image(1, 1, 1)).Task("b", Heads.Regression(1));
        return kind switch
        {
            "base" or "several" => (builder.Input("a", Inputs.Image(3, 1, 1)).Base(batch).Build(CPU), rand(1, 3, 1, 1), "Input 'a', base: its batch normalisation 'stages.0.blocks.0.norm'"),
            "own" => (builder.Input("a", Inputs.Image(3, 1, 1)).Base(batch, perInput: PerInput.Normalization).Build(CPU), rand(1, 3, 1, 1), "Input 'a', base"),
            "wrapped" => (builder.Input("a", Inputs.Image(3, 1, 1)).Base(Bases.From("norm", 4, () => nn.Sequential(nn.Conv2d(4, 4, 1L), nn.BatchNorm2d(4)))).Build(CPU), rand(1, 3, 1, 1), "Input 'a', base"),
            "table" => (builder.Input("a", Inputs.Tabular(3), Projections.Tabular(1, 1, Normalization.Batch)).Base(Bases.ConvNet(4, 8)).Build(CPU), rand(1, 3), "Input 'a', projection: its batch normalisation 'norm'"),
            "projection" => (builder.Input("a", Inputs.Image(3, 1, 1), Projections.Convolution(Normalization.Batch)).Base(Bases.ConvNet(4, 8)).Build(CPU), rand(1, 3, 1, 1), "Input 'a', projection"),
            "head" => (builder.Input("a", Inputs.Image(3, 2, 2)).Base(Bases.ConvNet(4, 8)).Build(CPU), rand(1, 3, 2, 2), "Task 'a', head"),
            _ => (builder.Input("a", Inputs.Image(3, 32, 32)).Base(Bases.ResNet18()).Build(CPU), rand(1, 3, 32, 32), "Input 'a', base"),
        };
    }

    /// <summary>A statistic of a user's own, which no hook sees; and a mask, which was never finite.</summary>
    private sealed class Counting : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv = nn.Conv2d(4, 4, kernel_size: 1L);

        public Counting()
            : base(nameof(Counting))
        {
            register_buffer("seen", ones([]));
            register_buffer("mask", full([], double.NegativeInfinity));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var seen = get_buffer("seen")!;
            if (training)
                seen.copy_(seen.ToDouble() < 3 ? seen + 1 : seen.log() / 0);
            return conv.call(input);
        }
    }
}

file static class ModelExtensions
{
    public static nn.Module Module(this MultiInputModel model, string name) => model.named_modules().First(pair => pair.name == name).module;
}
