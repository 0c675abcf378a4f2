using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

public sealed class MixupTests
{
    [Theory]
    [InlineData(0.2)]
    [InlineData(1.0)]
    [InlineData(4.0)]
    public void Lambda_has_the_mean_and_variance_of_its_beta_distribution(double alpha)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(8);
        var lambdas = Enumerable.Range(0, 4000).Select(_ => Mixup.Draw(1, alpha).Lambda).ToArray();

        // 1/2 and 1 / (4 (2 alpha + 1)), within five standard errors of the mean and a tenth.
        var variance = 1 / (4 * (2 * alpha + 1));
        lambdas.Should().OnlyContain(lambda => lambda >= 0 && lambda <= 1);
        lambdas.Average().Should().BeApproximately(0.5, 5 * Math.Sqrt(variance / 4000));
        lambdas.Average(lambda => (lambda - 0.5) * (lambda - 0.5)).Should().BeApproximately(variance, 0.1 * variance);
    }

    [Fact]
    public void A_small_alpha_leaves_nearly_all_samples_as_they_are()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(8);
        var lambdas = Enumerable.Range(0, 500).Select(_ => Mixup.Draw(1, 0.01).Lambda).ToArray();

        lambdas.Should().OnlyContain(lambda => lambda >= 0 && lambda <= 1);
        lambdas.Count(lambda => lambda is > 0.01 and < 0.99).Should().BeLessThan(50);
    }

    [Fact]
    public void Samples_are_mixed_with_their_partners()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var mixup = Mixup.Draw(5, 1);
        var partners = mixup.Permutation.data<long>().ToArray();
        partners.Order().Should().Equal(0, 1, 2, 3, 4);
        var samples = rand(5, 3);

        var (before, mixed) = (samples.data<float>(), mixup.Mix(samples).data<float>());

        for (var i = 0; i < 5; i++)
        {
            for (var j = 0; j < 3; j++)
            {
                var expected = mixup.Lambda * before[i, j] + (1 - mixup.Lambda) * before[partners[i], j];
                ((double)mixed[i, j]).Should().BeApproximately(expected, 1e-6);
            }
        }
    }

    [Fact]
    public void The_seed_governs_the_draw()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var first = Mixup.Draw(20, 0.4);
        var other = Mixup.Draw(20, 0.4);
        random.manual_seed(1);
        var again = Mixup.Draw(20, 0.4);

        again.Lambda.Should().Be(first.Lambda).And.NotBe(other.Lambda);
        again.Permutation.data<long>().ToArray().Should().Equal(first.Permutation.data<long>().ToArray());
        other.Permutation.data<long>().ToArray().Should().NotEqual(first.Permutation.data<long>().ToArray());
    }

    [Fact]
    public void The_loss_for_classes_is_that_of_the_mixed_targets()
    {
        using var scope = NewDisposeScope();
        using var head = new ClassificationHead(3, 4);
        var mixup = new Mixup(tensor(new long[] { 2, 0, 1 }), 0.3);
        var logits = randn(3, 4);
        var targets = zeros(3, 4);
        var labels = new long[] { 3, 0, 1 };
        int[] partners = [2, 0, 1];
        for (var i = 0; i < 3; i++)
        {
            targets[i, labels[i]] += 0.3f;
            targets[i, labels[partners[i]]] += 0.7f;
        }

        var expected = -(targets * logits.log_softmax(1)).sum(1).mean();

        mixup.Loss(head, logits, tensor(labels)).item<float>().Should().BeApproximately(expected.item<float>(), 1e-5f);
    }

    [Fact]
    public void Every_head_has_a_mixed_loss_and_missing_labels_stay_out_of_it()
    {
        using var scope = NewDisposeScope();
        var mixup = new Mixup(tensor(new long[] { 1, 0 }), 0.25);
        using var numbers = new RegressionHead(3, 1);
        using var labels = new MultiLabelHead(3, 2);
        var outputs = tensor(new[,] { { 1f }, { 2f } });

        // Both terms are of the one label that is there: 0.25 (1 - 4)² and 0.75 (2 - 4)².
        mixup.Loss(numbers, outputs, tensor(new[,] { { 4f }, { float.NaN } })).item<float>()
            .Should().BeApproximately(0.25f * 9 + 0.75f * 4, 1e-5f);
        float.IsFinite(mixup.Loss(labels, rand(2, 2), tensor(new[,] { { 1f, float.NaN }, { 0f, 1f } })).item<float>()).Should().BeTrue();
    }

    [Fact]
    public void Tokens_and_other_batch_sizes_are_refused()
    {
        using var scope = NewDisposeScope();
        var mixup = Mixup.Draw(3, 1);

        mixup.Invoking(m => m.Mix(ones(3, 4, ScalarType.Int64)))
            .Should().Throw<MultiInputException>().WithMessage("Mixup*tokens cannot be mixed*");
        mixup.Invoking(m => m.Mix(rand(2, 4))).Should().Throw<MultiInputException>();
        FluentActions.Invoking(() => Mixup.Draw(0, 1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => Mixup.Draw(3, 0)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void The_number_of_live_tensors_stays()
    {
        using var scope = NewDisposeScope();
        var samples = rand(4, 3);
        void Step()
        {
            var mixup = Mixup.Draw(4, 0.3);
            mixup.Mix(samples).Dispose();
            mixup.Permutation.Dispose();
        }

        Step();
        GC.Collect(); // what earlier tests left to the finalizers
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        for (var i = 0; i < 100; i++)
            Step();
        Tensor.TotalCount.Should().Be(before);
    }
}
