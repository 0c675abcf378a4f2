using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Sharing;

/// <summary>Gradients that tasks put on the base.</summary>
public sealed class GradientConflictTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(true, -1)]
    [InlineData(false, 1)]
    public void Opposed_labels_are_found(bool opposed, double sign)
    {
        using var model = SharingProblem.BuildTwins();
        using (no_grad())
        {
            model.CopyHead("a", "b");
            foreach (var bias in model.Head("a").parameters().Concat(model.Head("b").parameters()).Where(parameter => parameter.dim() == 1))
                bias.zero_();
        }

        var found = Insight.GradientConflict(model, [SharingProblem.Twins(opposed)]);

        found.Tasks.Should().Equal("a", "b");
        (found.Cosine("a", "b") * sign).Should().BeGreaterThan(0.8);
        found.Cosine("b", "a").Should().Be(found.Cosine("a", "b"));
        found.Cosine("a", "a").Should().BeApproximately(1, 1e-6);
        found.OpposedShares[0][1].Should().Be(opposed ? 1 : 0);
        found.Norms["a"].Should().BeGreaterThan(0);
    }

    [Theory]
    [InlineData(ScalarType.Float32, 1e-4)]
    [InlineData(ScalarType.Float64, 1e-10)]
    public void Norms_and_cosines_are_those_of_backward(ScalarType type, double tolerance)
    {
        using var model = SharingProblem.BuildTwins(Normalization.Group);
        model.to(type);
        var source = SharingProblem.Twins(opposed: true);
        source.Targets["b"][..20] = tensor(-1L);
        var found = Insight.GradientConflict(model, [source], batches: 4);

        // All four batches are all samples, whatever their order.
        var gradients = new Dictionary<string, Tensor>();
        foreach (var task in (string[])["a", "b"])
        {
            model.zero_grad();
            model.Head<TaskHead>(task).Loss(model.forward(source.Inputs["x"].to(type), task), source.Targets[task]).backward();
            gradients[task] = cat([.. model.Paths.First().Base.parameters().Select(parameter => parameter.grad!.flatten())], 0);
            found.Norms[task].Should().BeApproximately(gradients[task].norm().ToDouble(), tolerance * found.Norms[task]);
            found.Losses[task].Should().BeApproximately(model.Head<TaskHead>(task).Loss(model.forward(source.Inputs["x"].to(type), task), source.Targets[task]).ToDouble(), tolerance);
        }

        found.Cosine("a", "b").Should().BeApproximately((gradients["a"].dot(gradients["b"]) / (gradients["a"].norm() * gradients["b"].norm())).ToDouble(), tolerance);
        found.InputNorms["x"].Should().BeApproximately((gradients["a"] + gradients["b"]).norm().ToDouble(), tolerance * found.Norms["a"]);
    }

    [Fact]
    public void Norms_and_cosines_are_those_of_PyTorch()
    {
        var fixture = SharingProblem.Fixture("gradients");
        using var model = MultiInputModel.Define().Input("x", Inputs.Image(2, 6, 6), Projections.Identity())
            .Base(Bases.From("own", 2, () => nn.Sequential(nn.Conv2d(2, 3, 3L), nn.Tanh()))).Fusion(Fusions.GlobalAverage())
            .Task("a", Heads.Classification(2), from: ["x"]).Task("b", Heads.Classification(4), from: ["x"]).Build(CPU, seed: 1);
        model.to(ScalarType.Float64);
        void Set(nn.Module module, string name)
        {
            using var noGrad = no_grad();
            foreach (var parameter in module.parameters())
                parameter.copy_(parameter.dim() == 1 ? fixture.Vector($"{name}_bias") : fixture.Matrix($"{name}_weight").view(parameter.shape));
        }

        Set(model.Paths.First().Base, "conv");
        Set(model.Head("a"), "a");
        Set(model.Head("b"), "b");
        var source = new TensorSource(
            "x",
            new Dictionary<string, Tensor> { ["x"] = fixture.Matrix("x").view(-1, 2, 6, 6) },
            model.Description.Tasks.Select(task => task.Name).ToDictionary(task => task, task => fixture.Vector($"{task}_labels").to(ScalarType.Int64)));
        var found = Insight.GradientConflict(model, [source], batches: 2, new() { BatchSize = 5 });

        foreach (var task in found.Tasks)
        {
            found.Norms[task].Should().BeApproximately(fixture.Number($"{task}_norm"), 1e-10);
            found.Losses[task].Should().BeApproximately(fixture.Number($"{task}_loss"), 1e-10);
        }

        found.Cosine("a", "b").Should().BeApproximately(fixture.Number("cosine"), 1e-10);
    }

    [Fact]
    public void A_joint_task_moves_the_base_through_each_of_its_inputs()
    {
        using var model = MultiInputModel.Define().Input("a", Inputs.Image(1, 8, 8)).Input("b", Inputs.Image(1, 8, 8)).Base(Bases.ConvNet(4, 8))
            .Task("both", Heads.Classification(2), from: ["a", "b"]).Build(CPU, seed: 1);
        using var generator = new Generator(1);
        var inputs = new Dictionary<string, Tensor> { ["a"] = randn([16, 1, 8, 8], generator: generator), ["b"] = randn([16, 1, 8, 8], generator: generator) };
        var labels = arange(16, ScalarType.Int64) % 2;
        var source = new TensorSource("both", inputs, new Dictionary<string, Tensor> { ["both"] = labels });
        Insight.GradientConflict(model, [source], batches: 1).InputNorms.Keys.Should().Equal("a", "b");

        // A head that looks at one input alone leaves the other one idle.
        using (no_grad())
        {
            var weight = model.Head("both").parameters().First(parameter => parameter.dim() == 2);
            weight[.., (int)(weight.shape[1] / 2)..] = 0;
        }

        var found = Insight.GradientConflict(model, [source], batches: 1);
        model.Head<TaskHead>("both").Loss(model.forward(inputs)["both"], labels).backward();
        var norm = cat([.. model.Paths.First().Base.parameters().Select(parameter => parameter.grad!.flatten())], 0).norm().ToDouble();
        found.InputNorms["b"].Should().Be(0);
        found.InputNorms["a"].Should().BeApproximately(norm, 1e-4 * norm);
        found.Norms["both"].Should().BeApproximately(norm, 1e-4 * norm);
    }

    [Fact]
    public void A_frozen_base_is_measured_as_one_that_is_trained()
    {
        using var model = SharingProblem.BuildTwins();
        var source = SharingProblem.Twins(opposed: true);
        var trained = Insight.GradientConflict(model, [source]);
        model.Freeze(Parts.Base);
        var trace = new ModelTrace(model);
        Insight.GradientConflict(model, [source]).Norms.Should().Equal(trained.Norms);
        trace.ShouldBeUnchanged();
    }

    [Fact]
    public void Tasks_of_different_bases_have_no_cosine_and_tasks_without_labels_are_left_out()
    {
        using var model = MultiInputModel.Define().Input("a", Inputs.Tabular(4)).Input("b", Inputs.Tabular(4)).Base(Bases.ConvNet(4, 8)).Base(Bases.ConvNet(4, 8), inputs: ["b"])
            .Task("a", Heads.Classification(2)).Task("b", Heads.Classification(2)).Task("none", Heads.Classification(2), from: ["a"]).Build(CPU, seed: 1);
        using var generator = new Generator(1);
        var labels = arange(16, ScalarType.Int64) % 2;
        var found = Insight.GradientConflict(model, [
            new TensorSource("a", new Dictionary<string, Tensor> { ["a"] = randn([16, 4], generator: generator) }, new Dictionary<string, Tensor> { ["a"] = labels, ["none"] = full(16, -1, ScalarType.Int64) }),
            new TensorSource("b", randn([16, 4], generator: generator), labels)]);

        found.Tasks.Should().Equal("a", "b");
        found.Cosine("a", "b").Should().Be(double.NaN);
        found.OpposedShares[0][1].Should().Be(double.NaN);
        found.Norms.Values.Should().OnlyContain(norm => norm > 0);
        FluentActions.Invoking(() => found.Cosine("a", "none")).Should().Throw<ArgumentException>().WithMessage("Task 'none' has no gradient here*");
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Nothing_of_the_model_changes(ScalarType type)
    {
        using var model = SharingProblem.Build(type);
        var sources = SharingProblem.Sources();
        model.train();
        model.Head("image").eval();
        foreach (var (_, loss) in model.forward(new Dictionary<string, Tensor> { ["table"] = sources[1].Inputs["table"].to(type) }))
            loss.sum().backward();
        var trace = new ModelTrace(model);
        var first = Insight.GradientConflict(model, sources);
        trace.ShouldBeUnchanged();
        random.manual_seed(55);
        Insight.GradientConflict(model, sources).Norms.Should().Equal(first.Norms, "dropout follows from the seed");

        // The regression's labels are about 100: a loss that did not know their mean would be in the thousands.
        first.Losses["table"].Should().BeLessThan(10);
        var second = new ModelTrace(model);
        FluentActions.Invoking(() => Insight.GradientConflict(model, sources, cancellationToken: new(true))).Should().Throw<OperationCanceledException>();
        second.ShouldBeUnchanged();
        var failing = new TensorSource("image", sources[0].Inputs["image"], sources[0].Targets["image"]) { Augment = (_, _) => throw new InvalidOperationException("no") };
        FluentActions.Invoking(() => Insight.GradientConflict(model, [failing])).Should().Throw<InvalidOperationException>();
        second.ShouldBeUnchanged();
    }

    [Fact]
    public void Nothing_stays_in_memory()
    {
        using var model = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        Insight.GradientConflict(model, sources);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 1; i < 4; i++)
            Insight.GradientConflict(model, sources, batches: i);
        DisposeScopeManager.Statistics.ThreadTotalLiveCount.Should().Be(before);
    }

    [Fact]
    public void Mistakes_are_named()
    {
        using var model = SharingProblem.Build();
        FluentActions.Invoking(() => Insight.GradientConflict(null!, [])).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => Insight.GradientConflict(model, [])).Should().Throw<MultiInputException>().WithMessage("*no sample of the batches has a label*");
        FluentActions.Invoking(() => Insight.GradientConflict(model, SharingProblem.Sources(), batches: 0)).Should().Throw<ArgumentOutOfRangeException>();
        var broken = SharingProblem.Sources()[1];
        broken.Inputs["table"].fill_(double.NaN);
        FluentActions.Invoking(() => Insight.GradientConflict(model, [broken])).Should().Throw<MultiInputException>().WithMessage("Task 'table'*its loss on a batch is NaN*");
    }
}
