using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class HeadTests
{
    [Theory]
    [InlineData("classification")]
    [InlineData("smoothed")]
    [InlineData("multi_label")]
    [InlineData("regression")]
    public void Losses_and_gradients_equal_PyTorch_with_missing_labels_left_out(string name)
    {
        using var scope = NewDisposeScope();
        var fixture = Fixture.Read("losses");
        TaskHead head = name switch
        {
            "classification" => new ClassificationHead(2, 4),
            "smoothed" => new ClassificationHead(2, 4, labelSmoothing: 0.1),
            "multi_label" => new MultiLabelHead(2, 3),
            _ => new RegressionHead(2, 3),
        };
        var output = fixture[$"{name}/output"].requires_grad_();

        var loss = head.Loss(output, fixture[$"{name}/target"]);
        loss.backward();

        loss.ShouldEqual(fixture[$"{name}/loss"], 1e-6);
        output.grad!.ShouldEqual(fixture[$"{name}/gradient"], 1e-6);
    }

    [Fact]
    public void Evaluation_measures_the_loss_without_label_smoothing()
    {
        using var scope = NewDisposeScope();
        var fixture = Fixture.Read("losses");
        using var head = new ClassificationHead(2, 4, labelSmoothing: 0.5);
        head.eval();

        head.Loss(fixture["classification/output"], fixture["classification/target"]).ShouldEqual(fixture["classification/loss"], 1e-6);
    }

    [Fact]
    public void A_batch_without_any_label_has_loss_zero_and_gradient_zero()
    {
        using var scope = NewDisposeScope();
        var missing = full(3, 2, float.NaN);
        foreach (var (head, target) in new (TaskHead, Tensor)[]
        {
            (new ClassificationHead(2, 2), tensor(new long[] { -1, -1, -100 })),
            (new MultiLabelHead(2, 2), missing),
            (new RegressionHead(2, 2), missing),
        })
        {
            var output = randn(3, 2).requires_grad_();
            var loss = head.Loss(output, target);
            loss.backward();

            loss.ToDouble().Should().Be(0);
            output.grad!.abs().max().ToDouble().Should().Be(0, head.GetName());
            head.Dispose();
        }
    }

    [Fact]
    public void Predictions_are_what_a_person_calls_the_result()
    {
        using var scope = NewDisposeScope();
        var output = tensor(new[,] { { 0.5f, -1, 2 }, { 3, -2, 0 } });

        new ClassificationHead(1, 3).Predict(output).data<long>().ToArray().Should().Equal(2, 0);
        new MultiLabelHead(1, 3).Predict(output).data<bool>().ToArray().Should().Equal(true, false, true, true, false, false);
        new RegressionHead(1, 3).Predict(output).data<float>().ToArray().Should().Equal(0.5f, -1, 2, 3, -2, 0);
    }

    [Fact]
    public void Classification_metrics_follow_from_the_confusion_matrix()
    {
        using var scope = NewDisposeScope();
        var metrics = new ClassificationMetrics(4);

        // True class 0: predicted 0, 0, 1. True class 1: predicted 1. True class 2: predicted 0. Class 3 never occurs.
        metrics.Update(OneHot(0, 0, 1), tensor(new long[] { 0, 0, 0 }));
        metrics.Update(OneHot(1, 0, 3), tensor(new long[] { 1, 2, -1 }));

        metrics.Confusions(0, 1).Should().Be(1);
        var values = metrics.Compute();
        values["accuracy"].Should().BeApproximately(3.0 / 5, 1e-12);
        values["balanced_accuracy"].Should().BeApproximately((2.0 / 3 + 1 + 0) / 3, 1e-12);
        // F1 of class 0: 2·2/(3+3); of class 1: 2·1/(1+2); of class 2: 0.
        values["macro_f1"].Should().BeApproximately((4.0 / 6 + 2.0 / 3 + 0) / 3, 1e-12);

        static Tensor OneHot(params long[] classes) => nn.functional.one_hot(tensor(classes), 4).to(ScalarType.Float32);
    }

    [Fact]
    public void Multi_label_metrics_count_labels_that_are_there()
    {
        using var scope = NewDisposeScope();
        var metrics = new MultiLabelMetrics();
        metrics.Update(tensor(new[,] { { 1f, -1, 1 }, { -1, 1, 1 } }), tensor(new[,] { { 1f, 1, 0 }, { 0, 1, float.NaN } }));

        // True positives 2, false negatives 1, false positives 1, true negatives 1.
        metrics.Compute()["micro_f1"].Should().BeApproximately(2.0 * 2 / (2 * 2 + 1 + 1), 1e-12);
        metrics.Compute()["accuracy"].Should().BeApproximately(3.0 / 5, 1e-12);
    }

    [Fact]
    public void Regression_metrics_are_those_of_the_textbook()
    {
        using var scope = NewDisposeScope();
        var metrics = new RegressionMetrics(1);
        metrics.Update(tensor(new[] { 1f, 2 }).view(2, 1), tensor(new[] { 1f, 4 }).view(2, 1));
        metrics.Update(tensor(new[] { 5f, 9 }).view(2, 1), tensor(new[] { 4f, float.NaN }).view(2, 1));

        // Errors 0, -2, 1; labels 1, 4, 4 with mean 3 and squared deviations 4 + 1 + 1.
        metrics.Compute()["rmse"].Should().BeApproximately(Math.Sqrt(5.0 / 3), 1e-12);
        metrics.Compute()["mae"].Should().BeApproximately(1, 1e-12);
        metrics.Compute()["r2"].Should().BeApproximately(1 - 5.0 / 6, 1e-12);
    }

    [Fact]
    public void Metrics_without_a_label_are_not_a_number()
    {
        new ClassificationMetrics(3).Compute().Values.Should().OnlyContain(value => double.IsNaN(value));
        new MultiLabelMetrics().Compute().Values.Should().OnlyContain(value => double.IsNaN(value));
        new RegressionMetrics(2).Compute().Values.Should().OnlyContain(value => double.IsNaN(value));
    }

    [Fact]
    public void A_hidden_layer_and_dropout_stand_in_front_of_the_output_layer()
    {
        using var scope = NewDisposeScope();
        using var head = new RegressionHead(4, 2, new() { Hidden = 3, Dropout = 0.5 });
        head.state_dict().Keys.Should().Equal("layers.hidden.weight", "layers.hidden.bias", "layers.linear.weight", "layers.linear.bias", "target_mean", "target_deviation");
        head.eval();
        var (x, weights) = (randn(5, 4), head.state_dict());

        var hidden = (x.mm(weights["layers.hidden.weight"].t()) + weights["layers.hidden.bias"]).clamp_min(0);
        head.forward(x).ShouldEqual(hidden.mm(weights["layers.linear.weight"].t()) + weights["layers.linear.bias"], 1e-5);
        head.train();
        head.forward(ones(200, 4)).std(0).min().ToDouble().Should().BeGreaterThan(0, "dropout leaves out other features for each sample");
    }
}
