using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>Sources without labels or readable samples, and outputs that are not finite, are said and not passed over.</summary>
public sealed class NothingToLearnTests
{
    private static MultiInputModel Build(Normalization normalization = Normalization.None) => MultiInputModel.Define()
        .Input("t", Inputs.Tabular(4)).Base(Bases.ConvNet(4, 6) with { Normalization = normalization })
        .Task("class", Heads.Classification(2), from: ["t"]).Task("number", Heads.Regression(1), from: ["t"]).Build(CPU);

    private static TensorSource Source(string name, Tensor samples, params (string Task, Tensor Labels)[] labels) => new(
        name, new Dictionary<string, Tensor> { ["t"] = samples }, labels.ToDictionary(pair => pair.Task, pair => pair.Labels));

    private static Tensor NoClasses(int count) => full([count], -1, ScalarType.Int64);

    private static Tensor NoNumbers(int count) => full([count, 1], float.NaN);

    [Fact]
    public void A_source_without_a_label_is_refused_before_training()
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        var before = TrainingProblem.Weights(model);
        var good = Source("good", randn(8, 4), ("number", randn(8, 1)), ("class", ones(8, dtype: ScalarType.Int64)));

        new Trainer(model).Invoking(t => t.Fit([good, Source("empty", randn(8, 4), ("class", NoClasses(8)), ("number", NoNumbers(8)))]))
            .Should().Throw<MultiInputException>().WithMessage(
                "Source 'empty', training: all its labels for task 'class', 'number' are missing, so that nothing can be learned from it. Give it labels, or remove it.");
        model.ShouldHave(before);
    }

    [Fact]
    public void A_task_without_a_label_in_any_source_is_refused_before_training()
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        TensorSource[] sources =
        [
            Source("a", randn(8, 4), ("number", randn(8, 1)), ("class", NoClasses(8))),
            Source("b", randn(8, 4), ("number", randn(8, 1)), ("class", NoClasses(8))),
        ];

        new Trainer(model).Invoking(t => t.Fit(sources)).Should().Throw<MultiInputException>().WithMessage(
            "Task 'class', training: all its labels in source 'a', 'b' are missing, so that it cannot be learned. Give it labels, or remove the task from the sources.");
    }

    [Fact]
    public void A_task_without_a_label_is_evaluated_as_not_a_number_of_no_samples()
    {
        using var scope = NewDisposeScope();
        using var model = Build();

        var result = new Trainer(model).Evaluate([Source("s", randn(8, 4), ("class", NoClasses(8)), ("number", randn(8, 1)))]);

        result["class"].Count.Should().Be(0);
        result["class"].Loss.Should().Be(double.NaN);
        result["class"].PrimaryValue.Should().Be(double.NaN);
        result["number"].Count.Should().Be(8);
        double.IsFinite(result["number"].Loss).Should().BeTrue();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_source_of_which_nothing_can_be_read_is_said(bool frozen)
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        if (frozen)
            model.Freeze(Parts.Base, Parts.Projections());
        var good = Source("good", randn(64, 4), ("number", randn(64, 1)));
        var broken = new Broken("broken", 40, readable: []);

        var trainer = new Trainer(model, new() { Epochs = 1, BatchSize = 16 });
        foreach (DataSource[] sources in new DataSource[][] { [broken], [good, broken] })
        {
            trainer.Invoking(t => t.Fit(sources)).Should().Throw<MultiInputException>()
                .WithMessage("Source 'broken', training: none of * requested samples could be read, so nothing can be learned, measured or predicted from it.*");
        }

        new Trainer(model, new() { Epochs = 1, StepsPerEpoch = 1, BatchSize = 16 }).Invoking(t => t.Fit([broken])).Should().Throw<MultiInputException>("one step is too few for a pass, and nothing was trained");
        trainer.Invoking(t => t.Evaluate([broken])).Should().Throw<MultiInputException>().WithMessage("Source 'broken', training: none of 40 requested samples could be read*");
        new Trainer(model, new() { Epochs = 1, EarlyStopping = new() { Task = "number" } }).Invoking(t => t.Fit([good], [broken]))
            .Should().Throw<MultiInputException>().WithMessage("Source 'broken'*");

        // Where some can be read, those are used.
        trainer.Fit([new Broken("broken", 40, readable: [3, 17, 30])]).Epochs.Should().HaveCount(1);
        trainer.Evaluate([new Broken("broken", 40, readable: [3, 17, 30])])["number"].Count.Should().Be(3);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Outputs_that_are_not_finite_are_no_accuracy(float value)
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        var samples = randn(700, 4);
        samples[13] = value;
        samples[600] = value;
        var source = Source("s", samples, ("class", ones(700, dtype: ScalarType.Int64)));

        new Trainer(model).Invoking(t => t.Evaluate([source])).Should().Throw<MultiInputException>().WithMessage(
            "Task 'class', training: its outputs for 2 of the 700 samples of source 's' are not finite. Look for NaN or huge values*");
        model.training.Should().BeTrue("the mode is put back");
        new Trainer(model, new() { Epochs = 1 }).Invoking(t => t.Fit([Source("good", randn(8, 4), ("class", ones(8, dtype: ScalarType.Int64)))], [source]))
            .Should().Throw<MultiInputException>().WithMessage("Task 'class', training: its outputs for 2 of the 700 samples*");
    }

    [Fact]
    public void Statistics_that_are_not_finite_show_in_an_evaluation()
    {
        using var scope = NewDisposeScope();
        using var model = Build(Normalization.Batch);
        foreach (var (name, buffer) in model.named_buffers().Where(pair => pair.name.EndsWith("running_var", StringComparison.Ordinal)))
            buffer.fill_(float.NaN);

        new Trainer(model).Invoking(t => t.Evaluate([Source("s", randn(9, 4), ("number", randn(9, 1)), ("class", ones(9, dtype: ScalarType.Int64)))]))
            .Should().Throw<MultiInputException>().WithMessage("Task '*', training: its outputs for 9 of the 9 samples of source 's' are not finite*");
    }

    /// <summary>A source of which most samples cannot be read.</summary>
    private sealed class Broken(string name, int count, long[] readable)
        : DataSource(name, ["t"], new Dictionary<string, Tensor> { ["number"] = ones(count, 1).DetachFromDisposeScope() })
    {
        public override InputBatch Read(IReadOnlyList<long> rows)
        {
            var read = rows.Where(readable.Contains).ToArray();
            return new(read, read.Length == 0 ? new Dictionary<string, Tensor>() : new Dictionary<string, Tensor> { ["t"] = randn(read.Length, 4) });
        }
    }
}
