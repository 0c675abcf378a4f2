using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class GrowingTests
{
    private static readonly string[] animals = ["cat", "dog", "fox"];

    public static TheoryData<PerInput, Adapters> OwnParts => new()
    {
        { PerInput.Nothing, Adapters.None },
        { PerInput.Statistics, Adapters.None },
        { PerInput.Normalization, Adapters.None },
        { PerInput.Normalization, Adapters.Parallel },
        { PerInput.Statistics, Adapters.Series },
    };

    /// <summary>A model of two inputs whose weights and statistics have moved from where they began.</summary>
    private static MultiInputModel Trained(PerInput perInput = PerInput.Nothing, Adapters adapters = Adapters.None, int hidden = 0)
    {
        random.manual_seed(1);
        var model = MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 6, 6).StandardizedBy(rand(20, 1, 6, 6)))
            .Input("table", Inputs.Tabular(5))
            .Base(Bases.ConvNet(4, 6, 8) with { Normalization = Normalization.Batch }, perInput: perInput, adapters: adapters)
            .Task("gray", Heads.Classification(3, hidden: hidden) with { ClassNames = animals })
            .Task("table", Heads.Regression(2), fusion: Fusions.Attention(heads: 2))
            .Build(CPU);
        TensorSource[] sources =
        [
            new("gray", rand(40, 1, 6, 6), randint(3, [40]).to(ScalarType.Int64)),
            new("table", randn(40, 5), rand(40, 2)),
        ];
        new Trainer(model, new() { Epochs = 2, BatchSize = 10, LearningRate = 0.01, Seed = 1 }).Fit(sources);
        return model;
    }

    private static void AddColour(MultiInputModelBuilder add) => add
        .Input("colour", Inputs.Image(3, 6, 6))
        .Task("colour", Heads.Classification(4))
        .Task("both", Heads.Regression(1), from: ["gray", "colour"]);

    private static Dictionary<string, Tensor> Outputs(MultiInputModel model)
    {
        random.manual_seed(5);
        return new()
        {
            ["gray"] = model.forward(rand(4, 1, 6, 6), "gray"),
            ["table"] = model.forward(rand(3, 5), "table"),
        };
    }

    private static void ShouldEqual(IReadOnlyDictionary<string, Tensor> actual, IReadOnlyDictionary<string, Tensor> expected)
    {
        actual.Keys.Should().BeEquivalentTo(expected.Keys);
        foreach (var (name, value) in expected)
            (value.shape.SequenceEqual(actual[name].shape) && value.eq(actual[name]).all().ToBoolean()).Should().BeTrue(name);
    }

    [Theory]
    [MemberData(nameof(OwnParts))]
    public void A_grown_model_gives_what_the_old_one_gave(PerInput perInput, Adapters adapters)
    {
        using var scope = NewDisposeScope();
        using var old = Trained();
        var expected = Outputs(old);

        using var grown = old.Grow(AddColour, perInput, adapters);

        grown.training.Should().BeFalse("the old one is in evaluation mode");
        ShouldEqual(Outputs(grown), expected);
        ShouldEqual(Outputs(old), expected);
        grown.forward(rand(2, 3, 6, 6), "colour").shape.Should().Equal(2, 4);
        grown.forward(new Dictionary<string, Tensor> { ["gray"] = rand(2, 1, 6, 6), ["colour"] = rand(2, 3, 6, 6) })["both"].shape.Should().Equal(2, 1);
        grown.Description.Tasks.Select(task => task.Name).Should().Equal("gray", "table", "colour", "both");
    }

    [Theory]
    [InlineData(PerInput.Statistics, Adapters.None)]
    [InlineData(PerInput.Normalization, Adapters.Parallel)]
    public void Old_tasks_stay_as_they_were_while_the_new_parts_are_trained_on_a_frozen_base(PerInput perInput, Adapters adapters)
    {
        using var scope = NewDisposeScope();
        using var old = Trained();
        using var grown = old.Grow(AddColour, perInput, adapters);
        grown.Freeze(Parts.Base);
        var expected = Outputs(old);
        var before = grown.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        TensorSource source = new("colour", rand(40, 3, 6, 6), randint(4, [40]).to(ScalarType.Int64));

        var result = new Trainer(grown, new() { Epochs = 4, BatchSize = 10, LearningRate = 0.01, Seed = 1 }).Fit([source]);

        result.Epochs[^1].Losses["colour"].Should().BeLessThan(result.Epochs[0].Losses["colour"]);
        ShouldEqual(Outputs(grown), expected);
        var changed = grown.state_dict().Where(pair => !pair.Value.eq(before[pair.Key]).all().ToBoolean()).Select(pair => pair.Key).ToArray();
        changed.Should().OnlyContain(name => name.Contains(".colour."));
        changed.Should().Contain("base_inputs.colour.stages.0.blocks.0.norm.running_mean");
    }

    [Fact]
    public void Own_normalisation_of_a_new_input_starts_as_the_shared_one_and_that_of_an_old_one_goes_on()
    {
        using var scope = NewDisposeScope();
        using var old = Trained();
        using var converted = old.Grow(perInput: PerInput.Statistics);
        converted.train();
        converted.forward(rand(8, 1, 6, 6), "gray");
        converted.eval();
        using var grown = converted.Grow(AddColour, PerInput.Normalization);
        var state = grown.state_dict();

        ShouldEqual(Outputs(grown), Outputs(converted));
        const string layer = "stages.1.blocks.0.norm.";
        foreach (var name in new[] { "running_mean", "running_var", "weight", "bias" })
        {
            var shared = old.state_dict()[$"base_model.{layer}{name}"];
            state[$"base_inputs.colour.{layer}{name}"].eq(shared).all().ToBoolean().Should().BeTrue(name);
            state[$"base_inputs.table.{layer}{name}"].eq(shared).all().ToBoolean().Should().BeTrue(name);
            state[$"base_inputs.gray.{layer}{name}"].eq(shared).all().ToBoolean().Should().Be(name is "weight" or "bias", name);
        }
    }

    [Fact]
    public void Trained_adapters_and_statistics_stay_when_a_model_grows()
    {
        using var scope = NewDisposeScope();
        using var old = Trained(PerInput.Normalization, Adapters.Parallel);
        using var grown = old.Grow(AddColour);

        ShouldEqual(Outputs(grown), Outputs(old));
        grown.state_dict()["base_inputs.gray.stages.0.blocks.0.conv.weight"].count_nonzero().ToInt64().Should().BePositive();
        grown.state_dict()["base_inputs.colour.stages.0.blocks.0.conv.weight"].count_nonzero().ToInt64().Should().Be(0);
    }

    [Fact]
    public void Both_models_live_on_their_own()
    {
        using var scope = NewDisposeScope();
        var old = Trained();
        var expected = Outputs(old);
        using var grown = old.Grow(AddColour);
        using (var other = old.Grow())
            ShouldEqual(other.state_dict(), old.state_dict());

        ShouldEqual(Outputs(old), expected);
        old.Dispose();
        ShouldEqual(Outputs(grown), expected);
    }

    [Fact]
    public void A_grown_model_is_saved_and_loaded_like_any()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            using var scope = NewDisposeScope();
            using var old = Trained();
            old.Save(path);
            using var loadedOld = MultiInputModel.Load(path, CPU);
            using var grown = loadedOld.Grow(AddColour, PerInput.Normalization, Adapters.Series);
            grown.Save(path);
            using var loaded = MultiInputModel.Load(path, CPU);

            loaded.Description.Should().Be(grown.Description);
            ShouldEqual(loaded.state_dict(), grown.state_dict());
            ShouldEqual(Outputs(loaded), Outputs(old));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void New_inputs_may_bring_a_base_of_their_own()
    {
        using var scope = NewDisposeScope();
        using var old = Trained();
        using var grown = old.Grow(add => add
            .Input("big", Inputs.Image(3, 12, 12)).Base(Bases.ConvNet(5, 7), inputs: ["big"]).Task("big", Heads.Classification(2)));

        ShouldEqual(Outputs(grown), Outputs(old));
        grown.forward(rand(2, 3, 12, 12), "big").shape.Should().Equal(2, 2);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void Classes_that_stay_keep_their_weights(int hidden)
    {
        using var scope = NewDisposeScope();
        using var old = Trained(hidden: hidden);

        using var changed = old.ReplaceClasses("gray", ["owl", "fox", "cat", "elk"]);

        random.manual_seed(6);
        var x = rand(4, 1, 6, 6);
        var (before, after) = (old.forward(x, "gray"), changed.forward(x, "gray"));
        after.shape.Should().Equal(4, 4);
        after[.., 1].allclose(before[.., 2], rtol: 1e-5, atol: 1e-6).Should().BeTrue();
        after[.., 2].allclose(before[.., 0], rtol: 1e-5, atol: 1e-6).Should().BeTrue();
        var (from, to) = (old.state_dict(), changed.state_dict());
        foreach (var name in new[] { "output_layers.gray.layers.linear.weight", "output_layers.gray.layers.linear.bias" })
        {
            to[name][1].eq(from[name][2]).all().ToBoolean().Should().BeTrue();
            to[name][2].eq(from[name][0]).all().ToBoolean().Should().BeTrue();
            foreach (var (row, kept) in new[] { (0, 0), (0, 1), (0, 2), (3, 0), (3, 1), (3, 2) })
                to[name][row].eq(from[name][kept]).all().ToBoolean().Should().BeFalse();
        }

        ShouldEqual(Others(to), Others(from));
        changed.Description.Tasks[0].Head.Should().BeEquivalentTo(
            Heads.Classification(4, hidden: hidden) with { ClassNames = ["owl", "fox", "cat", "elk"] });

        static Dictionary<string, Tensor> Others(Dictionary<string, Tensor> state) =>
            state.Where(pair => !pair.Key.StartsWith("output_layers.gray.layers.linear", StringComparison.Ordinal)).ToDictionary();
    }

    [Fact]
    public void Classes_without_names_are_named_when_they_are_replaced()
    {
        using var scope = NewDisposeScope();
        using var old = Trained();
        using var grown = old.Grow(AddColour);

        using var changed = grown.ReplaceClasses("colour", ["red", "green"], oldClassNames: ["green", "blue", "red", "white"]);

        var (from, to) = (grown.state_dict()["output_layers.colour.layers.linear.weight"], changed.state_dict()["output_layers.colour.layers.linear.weight"]);
        to.eq(from[tensor(new long[] { 2, 0 })]).all().ToBoolean().Should().BeTrue();
    }

    [Fact]
    public void A_removed_task_takes_the_inputs_that_it_alone_read()
    {
        using var scope = NewDisposeScope();
        using var old = Trained();
        using var grown = old.Grow(AddColour, PerInput.Statistics);

        using var without = grown.RemoveTask("both");
        without.Description.Inputs.Select(input => input.Name).Should().Equal("gray", "table", "colour");
        using var back = without.RemoveTask("colour");

        back.Description.Inputs.Select(input => input.Name).Should().Equal("gray", "table");
        ShouldEqual(Outputs(back), Outputs(old));
        back.state_dict().Keys.Should().NotContain(name => name.Contains("colour"));
    }

    [Fact]
    public void A_base_keeps_its_weights_when_the_input_that_it_is_named_after_goes()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        using var old = MultiInputModel.Define()
            .Input("a", Inputs.Image(1, 6, 6))
            .Input("b", Inputs.Image(1, 6, 6))
            .Input("c", Inputs.Image(1, 6, 6))
            .Base(Bases.ConvNet(4, 6), inputs: ["a", "b"])
            .Base(Bases.ConvNet(5, 7), inputs: ["c"])
            .Task("a", Heads.Classification(2))
            .Task("b", Heads.Classification(3))
            .Task("c", Heads.Classification(4))
            .Build(CPU);

        using var one = old.RemoveTask("a");
        using var two = one.RemoveTask("c");

        one.state_dict().Keys.Should().Contain("input_bases.b.stages.0.blocks.0.conv.weight");
        two.Description.Bases.Should().ContainSingle();
        var x = rand(2, 1, 6, 6);
        two.forward(x, "b").eq(old.forward(x, "b")).all().ToBoolean().Should().BeTrue();
    }

    public static TheoryData<Func<MultiInputModel, MultiInputModel>, string> Mistakes => new()
    {
        { m => m.Grow(add => add.Input("gray", Inputs.Image(1, 4, 4)).Task("x", Heads.Classification(2), from: ["gray"])), "Input 'gray', description: there are 2 inputs of this name.*" },
        { m => m.Grow(add => add.Task("gray", Heads.Classification(2))), "Task 'gray', description: there are 2 tasks of this name.*" },
        { m => m.Grow(add => add.Task("more", Heads.Classification(2))), "Task 'more', input: it reads input 'more', which the model does not have.*" },
        { m => m.Grow(add => add.Fusion(Fusions.GlobalAverage())), "Added parts, fusion: the model already has a fusion*Give another one to a new task*" },
        { m => m.Grow(add => add.Base(Bases.ConvNet(3), inputs: ["gray"])), "Input 'gray', base: the model already has it, with a trained base*Name new inputs only." },
        { m => m.Grow(add => add.Base(Bases.ConvNet(3))), "Model, base: it has several bases for all inputs.*" },
        { m => m.Grow(perInput: PerInput.Statistics).Grow(perInput: PerInput.Nothing), "Base, base: its inputs have their own trained layers (perInput Statistics, adapters None)*Omit the argument." },
        { m => m.Grow(adapters: Adapters.Series).Grow(adapters: Adapters.Parallel), "Base, base: its inputs have their own trained layers (perInput Nothing, adapters Series)*" },
        { m => m.ReplaceClasses("grey", ["a"]), "Task 'grey', description: the model has no such task. Name one of 'gray', 'table'." },
        { m => m.ReplaceClasses("table", ["a"]), "Task 'table', head: its head is a RegressionHead, which has no classes. Name a task of Heads.Classification." },
        { m => m.ReplaceClasses("gray", ["cat", "cat"]), "Task 'gray', head: several of its classes are called 'cat'. Give each a different name." },
        { m => m.ReplaceClasses("gray", []), "Task 'gray', head: it has 0 classes. Give from 1 to*" },
        { m => m.Grow(AddColour).ReplaceClasses("colour", ["red"]), "Task 'colour', head: its classes have no names*Give their 4 names as oldClassNames." },
        { m => m.Grow(AddColour).ReplaceClasses("colour", ["red"], ["red"]), "Task 'colour', head: it has 4 classes, but 1 old names are given. Give one per class." },
        { m => m.RemoveTask("none"), "Task 'none', description: the model has no such task.*" },
        { m => m.RemoveTask("gray").RemoveTask("table"), "Model, description: it has no*" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void Mistakes_name_the_thing_and_the_cure(Func<MultiInputModel, MultiInputModel> change, string message)
    {
        using var scope = NewDisposeScope();
        using var model = Trained();
        var act = () => change(model);

        act.Should().Throw<MultiInputException>().WithMessage(message);
    }

    [Fact]
    public void Modules_of_the_users_own_are_made_again_by_their_factories()
    {
        using var scope = NewDisposeScope();
        var kernel = 3;
        MultiInputModel Build(BaseSpec spec) => MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 6, 6))
            .Base(spec)
            .Task("gray", Heads.From("own", features => nn.Linear(features, 3)))
            .Build(CPU);
        using var old = Build(Bases.From("conv", 4, () => nn.Sequential(nn.Conv2d(4, 4, kernel_size: kernel, padding: kernel / 2))));
        using var single = Build(Bases.From(nn.Sequential(nn.Conv2d(4, 4, kernel_size: 3)), 4));
        using var grown = old.Grow(AddColour, adapters: Adapters.Series);
        var x = rand(2, 1, 6, 6);

        grown.forward(x, "gray").eq(old.forward(x, "gray")).all().ToBoolean().Should().BeTrue();
        kernel = 5;
        var otherModule = () => old.Grow();
        otherModule.Should().Throw<MultiInputException>().WithMessage(
            "Base, base: its weight 'module.0.weight' of shape (4, 4, 3, 3) is of shape (4, 4, 5, 5) in a new module. Make sure that the factory*");
        var noFactory = () => single.Grow();
        noFactory.Should().Throw<MultiInputException>().WithMessage("Base, base: it cannot be made: This module already belongs to a model; give Bases.From a factory*");
    }
}
