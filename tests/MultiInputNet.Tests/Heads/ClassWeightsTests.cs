using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class ClassWeightsTests
{
    [Fact]
    public void Balanced_weights_make_every_class_count_alike()
    {
        using var scope = NewDisposeScope();
        var labels = tensor(new long[] { 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2 });

        // 12 / (3 n).
        ClassWeights.Balanced(labels, 3).Should().Equal(2.0 / 3, 2, 1);
    }

    [Fact]
    public void Missing_labels_and_classes_without_a_sample_do_not_count()
    {
        using var scope = NewDisposeScope();
        var labels = tensor(new long[] { 3, -1, 0, 0, -1, 0 });

        ClassWeights.Balanced(labels, 5).Should().Equal(4 / 6.0, 1, 1, 2, 1);
        var effective = ClassWeights.EffectiveNumber(labels, 5, beta: 0.9);
        effective[1].Should().Be(1);
        (effective[0] + effective[3]).Should().BeApproximately(2, 1e-12);
    }

    [Fact]
    public void Effective_numbers_follow_their_formula_and_lie_between_equal_and_balanced()
    {
        using var scope = NewDisposeScope();
        var labels = tensor(new long[] { 0, 0, 0, 0, 0, 0, 1, 1 });

        // 1 - 0.9² = 0.19 and 1 - 0.9⁶ = 0.468559.
        var weights = ClassWeights.EffectiveNumber(labels, 2, beta: 0.9);
        (weights[1] / weights[0]).Should().BeApproximately(0.468559 / 0.19, 1e-12);
        weights.Sum().Should().BeApproximately(2, 1e-12);
        ClassWeights.EffectiveNumber(labels, 2, beta: 0).Should().Equal(1, 1);
        var nearly = ClassWeights.EffectiveNumber(labels, 2, beta: 1 - 1e-9);
        (nearly[1] / nearly[0]).Should().BeApproximately(3, 1e-5);
    }

    [Fact]
    public void Weighted_and_smoothed_losses_and_their_gradients_are_those_of_PyTorch()
    {
        var cases = Fixture.ReadJson("training.json").GetProperty("cross_entropy").EnumerateArray().ToArray();
        cases.Should().HaveCount(6);
        foreach (var expected in cases)
        {
            using var scope = NewDisposeScope();
            var hasWeights = expected.GetProperty("weight").ValueKind == System.Text.Json.JsonValueKind.Array;
            var weights = hasWeights ? expected.Numbers("weight") : null;
            using var head = new ClassificationHead(3, 4, expected.GetProperty("smoothing").GetDouble(), classWeights: weights);
            var logits = tensor(expected.Numbers("logits")).view(-1, 4).requires_grad_();
            var labels = tensor(expected.Numbers("labels")).to(ScalarType.Int64);

            head.train();
            var loss = head.Loss(logits, labels);
            loss.backward();

            loss.item<double>().Should().BeApproximately(expected.GetProperty("loss").GetDouble(), 1e-6);
            foreach (var (actual, gradient) in logits.grad!.data<double>().ToArray().Zip(expected.Numbers("gradient")))
                actual.Should().BeApproximately(gradient, 1e-6);
        }
    }

    [Fact]
    public void Evaluation_counts_every_sample_alike()
    {
        using var scope = NewDisposeScope();
        using var weighted = new ClassificationHead(3, 4, labelSmoothing: 0.1, classWeights: [0.5, 2, 1, 3.5]);
        using var plain = new ClassificationHead(3, 4);
        weighted.eval();
        plain.eval();
        var (logits, labels) = (randn(5, 4), tensor(new long[] { 0, 3, -1, 2, 1 }));

        weighted.Loss(logits, labels).item<float>().Should().Be(plain.Loss(logits, labels).item<float>());
    }

    [Theory]
    [InlineData(-1, 1.0)]
    [InlineData(0, 1.0)]
    public void Without_a_label_that_counts_the_loss_and_its_gradient_are_nothing(long label, double other)
    {
        using var scope = NewDisposeScope();
        using var head = new ClassificationHead(3, 2, classWeights: [0, other]);
        head.train();
        var logits = randn(3, 2).requires_grad_();

        var loss = head.Loss(logits, full(3, label, ScalarType.Int64));
        loss.backward();

        loss.item<float>().Should().Be(0);
        logits.grad!.count_nonzero().item<long>().Should().Be(0);
    }

    [Fact]
    public void Weights_travel_with_the_description_and_not_with_the_weights()
    {
        using var scope = NewDisposeScope();
        var labels = tensor(new long[] { 0, 0, 0, 1 });
        var description = MultiInputModel.Define()
            .Input("x", Inputs.Tabular(4))
            .Base(Bases.ConvNet(4, 4))
            .Task("x", Heads.Classification(2) with { ClassWeights = ClassWeights.Balanced(labels, 2) })
            .Describe();

        var read = ModelDescription.FromJson(description.ToJson());
        read.Should().Be(description);
        ((ClassificationSpec)read.Tasks[0].Head).ClassWeights.Should().Equal(2 / 3.0, 2);
        using var model = read.Build(CPU);
        model.state_dict().Keys.Should().OnlyContain(key => !key.Contains("weights", StringComparison.OrdinalIgnoreCase));
        var head = (TaskHead)model.Head("x");
        var logits = tensor(new[,] { { 0f, 0f }, { 0f, 5f } });
        head.Loss(logits, tensor(new long[] { 0, 1 })).item<float>().Should()
            .BeApproximately((float)((Math.Log(2) * 2 / 3 + Math.Log(1 + Math.Exp(-5)) * 2) / (2 / 3.0 + 2)), 1e-6f);
    }

    [Fact]
    public void What_is_no_set_of_weights_or_labels_is_refused()
    {
        using var scope = NewDisposeScope();
        void Build(params double[] weights) => MultiInputModel.Define()
            .Input("x", Inputs.Tabular(4))
            .Base(Bases.ConvNet(4, 4))
            .Task("x", Heads.Classification(2) with { ClassWeights = weights })
            .Build(CPU);

        FluentActions.Invoking(() => Build(1, 2, 3))
            .Should().Throw<MultiInputException>().WithMessage("Task 'x'*2 classes and 3 class weights*");
        FluentActions.Invoking(() => Build(1, -1)).Should().Throw<MultiInputException>();
        FluentActions.Invoking(() => Build(1, double.NaN)).Should().Throw<MultiInputException>();
        FluentActions.Invoking(() => Build(0, 0)).Should().Throw<MultiInputException>();
        FluentActions.Invoking(() => new ClassificationHead(3, 2, classWeights: [1])).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => ClassWeights.Balanced(tensor(new long[] { 0, 2 }), 2))
            .Should().Throw<ArgumentException>().WithMessage("*largest label is 2*");
        FluentActions.Invoking(() => ClassWeights.Balanced(tensor(new long[] { -1 }), 2)).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => ClassWeights.Balanced(zeros(3), 2)).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => ClassWeights.EffectiveNumber(tensor(new long[] { 0 }), 2, 1)).Should().Throw<ArgumentException>();
    }
}
