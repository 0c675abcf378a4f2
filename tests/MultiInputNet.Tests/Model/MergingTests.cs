using MultiInputNet.Data;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Which inputs share a batch in a base: where samples mix, that follows from the model's description alone.</summary>
public sealed class MergingTests
{
    // The bound of speed is 4 MB: 16 samples of 64×32×32.
    [Theory]
    [InlineData(2, true, null)]
    [InlineData(5, true, null)]
    [InlineData(6, true, null)]
    [InlineData(2, false, null)]
    [InlineData(2, true, "base_model")]
    [InlineData(2, true, "base_model.stages.0")]
    [InlineData(2, true, "base_model.stages.0.blocks.0.conv")]
    [InlineData(2, true, "input_projections.folded")]
    [InlineData(6, false, "base_model.stages.0.blocks.0.conv")]
    public void A_shared_batch_normalisation_sees_all_inputs_of_a_call_together(int count, bool merges, string? hooked)
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("folded", Inputs.Image(3, 32, 32)).Input("stem", Inputs.Image(6, 32, 32), Projections.AdaptedStem())
            .Input("projected", Inputs.Image(2, 32, 32), Projections.Convolution(activation: Activation.Tanh))
            .Base(Bases.ConvNet(8, 64) with { Normalization = Normalization.Batch }).Fusion(Fusions.GlobalAverage())
            .Task("folded", Heads.Regression(1)).Task("stem", Heads.Regression(1)).Task("projected", Heads.Regression(1)).Build(CPU);
        model.MergesInputs = merges;
        if (hooked is not null)
            model.Module(hooked).register_forward_hook((_, _, result) => result);
        var x = new Dictionary<string, Tensor> { ["projected"] = randn(count, 2, 32, 32), ["folded"] = randn(count, 3, 32, 32), ["stem"] = randn(count, 6, 32, 32) };
        model.train();

        model.forward(x);

        var state = model.state_dict();
        Tensor Convolved(string key, Tensor map) => nn.functional.conv2d(
            map, state[$"{key}.weight"], state[$"{key}.bias"], padding: [state[$"{key}.weight"].shape[2] / 2, state[$"{key}.weight"].shape[3] / 2]);
        var all = cat(
        [
            Convolved("base_model.stages.0.blocks.0.conv", Convolved("input_projections.folded.conv", x["folded"])),
            Convolved("input_projections.stem.conv", x["stem"]),
            Convolved("base_model.stages.0.blocks.0.conv", Convolved("input_projections.projected.conv", x["projected"]).tanh()),
        ]);
        state["base_model.stages.0.blocks.0.norm.num_batches_tracked"].ToInt64().Should().Be(1);
        state["base_model.stages.0.blocks.0.norm.running_mean"].ShouldEqual(0.1 * all.mean([0, 2, 3]), 1e-5);
        state["base_model.stages.0.blocks.0.norm.running_var"].ShouldEqual(0.9 + 0.1 * all.var([0, 2, 3], true), 1e-5);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void A_base_of_modules_that_are_not_known_has_the_inputs_of_a_call_together_always(bool training, bool merges)
    {
        using var scope = NewDisposeScope();
        var runs = new List<long>();
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(1, 32, 32)).Input("b", Inputs.Image(3, 32, 32))
            .Base(Bases.From("subtracting", 64, () => new Subtracting(runs)))
            .Fusion(Fusions.GlobalAverage()).Task("a", Heads.Regression(1)).Task("b", Heads.Regression(1)).Build(CPU);
        model.MergesInputs = merges;
        model.train(training);
        foreach (var count in new[] { 2, 9, 30 })
        {
            runs.Clear();
            model.forward(new Dictionary<string, Tensor> { ["a"] = randn(count, 1, 32, 32), ["b"] = randn(count, 3, 32, 32) });
            runs.Should().Equal(2 * count);
        }
    }

    [Fact]
    public void Where_samples_do_not_mix_the_inputs_of_a_call_may_go_apart_with_the_same_results()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(1, 32, 32)).Input("b", Inputs.Image(3, 32, 32))
            .Base(Bases.ConvNet(8, 64) with { Normalization = Normalization.Batch })
            .Fusion(Fusions.GlobalAverage()).Task("a", Heads.Regression(1)).Task("b", Heads.Regression(1)).Build(CPU);
        model.train();
        model.forward(new Dictionary<string, Tensor> { ["a"] = randn(4, 1, 32, 32), ["b"] = 3 + randn(4, 3, 32, 32) });
        model.eval();
        var runs = 0;
        model.Module("base_model").register_forward_hook((_, _, result) =>
        {
            runs++;
            return result;
        });
        foreach (var (count, merges, expected) in new[] { (4, true, 1), (4, false, 2), (9, true, 2) })
        {
            runs = 0;
            var x = new Dictionary<string, Tensor> { ["a"] = randn(count, 1, 32, 32), ["b"] = randn(count, 3, 32, 32) };
            model.MergesInputs = merges;
            var outputs = model.forward(x);
            runs.Should().Be(expected);
            foreach (var (name, output) in outputs)
                output.ShouldEqual(model.forward(x[name], name), 1e-5, name);
        }
    }

    [Fact]
    public void A_training_is_the_same_with_MergesInputs_and_without()
    {
        using var scope = NewDisposeScope();
        var weights = new List<Dictionary<string, Tensor>>();
        foreach (var merges in new[] { true, false })
        {
            using var model = SameSize(Bases.ConvNet(4, 8, 8) with { Normalization = Normalization.Batch }, seed: 3);
            model.MergesInputs = merges;
            random.manual_seed(5);
            new Trainer(model, new() { Epochs = 2, Seed = 1 }).Fit(
            [
                new TensorSource("a", randn(24, 1, 8, 8), randn(24, 1)) { BatchSize = 6 },
                new TensorSource("b", randn(24, 3, 8, 8) + 2, randn(24, 1)) { BatchSize = 6 },
            ]);
            weights.Add(TrainingProblem.Weights(model));
        }

        foreach (var (name, value) in weights[0])
            value.ShouldBeSame(weights[1][name], name);
    }

    [Fact]
    public void Inputs_that_share_a_batch_normalisation_and_cannot_share_batches_are_warned_of()
    {
        using var scope = NewDisposeScope();
        MultiInputModel Build(int size, PerInput perInput = PerInput.Nothing, Normalization normalization = Normalization.Batch, Adapters adapters = Adapters.None) =>
            MultiInputModel.Define()
                .Input("a", Inputs.Image(1, 8, 8)).Input("b", Inputs.Image(3, size, size))
                .Base(Bases.ConvNet(4, 8) with { Normalization = normalization }, perInput: perInput, adapters: adapters)
                .Task("a", Heads.Regression(1)).Task("b", Heads.Regression(1)).Build(CPU);

        using (var model = Build(6))
            model.Warnings.Should().ContainSingle().Which.Should().Match("base: its batch normalisation is shared by inputs that*'a' and 'b'*perInput: PerInput.Normalization*");
        using (var model = Build(8, adapters: Adapters.Series))
            model.Warnings.Should().ContainSingle();
        using (var model = Build(8))
            model.Warnings.Should().BeEmpty();
        using (var model = Build(6, PerInput.Normalization))
            model.Warnings.Should().BeEmpty();
        using (var model = Build(6, normalization: Normalization.Group))
            model.Warnings.Should().BeEmpty();
    }

    [Theory]
    [InlineData(true, PerInput.Nothing, Normalization.Batch, true)]
    [InlineData(false, PerInput.Nothing, Normalization.Batch, false)]
    [InlineData(true, PerInput.Statistics, Normalization.Batch, false)]
    [InlineData(true, PerInput.Nothing, Normalization.Group, false)]
    public void A_training_that_draws_one_source_a_step_warns_of_a_shared_batch_normalisation(bool inTurn, PerInput perInput, Normalization normalization, bool warns)
    {
        using var scope = NewDisposeScope();
        using var model = SameSize(Bases.ConvNet(4, 8, 8) with { Normalization = normalization }, seed: 3, perInput);

        var history = new Trainer(model, new() { Epochs = 1, Sampling = inTurn ? SourceSampling.RoundRobin : SourceSampling.All }).Fit(
        [
            new TensorSource("a", randn(12, 1, 8, 8), randn(12, 1)) { BatchSize = 6 },
            new TensorSource("b", randn(12, 3, 8, 8), randn(12, 1)) { BatchSize = 6 },
        ]);

        history.Warnings.Count(warning => warning.StartsWith("Inputs 'a', 'b' share a batch normalisation", StringComparison.Ordinal)).Should().Be(warns ? 1 : 0);
    }

    private static MultiInputModel SameSize(BaseSpec sharedBase, int seed, PerInput perInput = PerInput.Nothing)
    {
        random.manual_seed(seed);
        return MultiInputModel.Define()
            .Input("a", Inputs.Image(1, 8, 8)).Input("b", Inputs.Image(3, 8, 8))
            .Base(sharedBase, perInput: perInput).Task("a", Heads.Regression(1)).Task("b", Heads.Regression(1)).Build(CPU);
    }

    /// <summary>Mixes the samples of a batch, as nothing in its tree shows.</summary>
    private sealed class Subtracting : nn.Module<Tensor, Tensor>
    {
        private readonly List<long> runs;
        private readonly Conv2d conv = nn.Conv2d(64, 8, kernel_size: 3L);

        public Subtracting(List<long> runs)
            : base(nameof(Subtracting))
        {
            this.runs = runs;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            runs.Add(input.shape[0]);
            return conv.call(input - input.mean([0], keepdim: true));
        }
    }
}

file static class ModelExtensions
{
    public static nn.Module<Tensor, Tensor> Module(this MultiInputModel model, string name) =>
        (nn.Module<Tensor, Tensor>)model.named_modules().First(pair => pair.name == name).module;
}
