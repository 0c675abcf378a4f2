using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class ProjectionTests
{
    [Fact]
    public void An_image_projection_is_a_linear_map_of_each_pixel()
    {
        using var scope = NewDisposeScope();
        using var projection = new InputProjection(3, 5);
        var (x, weights) = (randn(2, 3, 4, 6), projection.state_dict());

        var expected = einsum("nchw,oc->nohw", x, weights["conv.weight"].view(5, 3)) + weights["conv.bias"].view(1, 5, 1, 1);
        projection.forward(x).ShouldEqual(expected, 1e-5);
    }

    [Fact]
    public void A_normalised_projection_ends_with_mean_zero_deviation_one_and_its_activation()
    {
        using var scope = NewDisposeScope();
        using var projection = new InputProjection(3, 5, Normalization.Batch);
        var y = projection.forward(randn(8, 3, 4, 6) * 7 + 2);
        y.mean([0, 2, 3]).abs().max().ToDouble().Should().BeLessThan(1e-5);
        y.var([0, 2, 3], unbiased: false).ShouldEqual(ones(5), 1e-3);

        using var activated = new InputProjection(3, 5, Normalization.Group, Activation.ReLU);
        activated.forward(randn(8, 3, 4, 6)).min().ToDouble().Should().Be(0);
    }

    [Fact]
    public void A_table_is_laid_onto_its_grid_by_a_linear_layer()
    {
        using var scope = NewDisposeScope();
        using var projection = new TabularProjection(features: 7, channels: 3, height: 2, width: 5);
        var (x, weights) = (randn(4, 7), projection.state_dict());

        projection.forward(x).ShouldEqual((x.mm(weights["linear.weight"].t()) + weights["linear.bias"]).view(4, 3, 2, 5), 1e-5);
    }

    [Theory]
    [InlineData(12, 1, null, 3, 4)]
    [InlineData(13, 1, null, 3, 5)]
    [InlineData(13, 2, null, 2, 4)]
    [InlineData(13, 1, 1, 1, 13)]
    [InlineData(1, 1, null, 1, 1)]
    public void A_sequence_is_folded_line_by_line(int length, int stride, int? rows, int height, int width)
    {
        using var scope = NewDisposeScope();
        using var projection = new SequenceProjection(2, 4, length, kernelSize: 5, stride, rows);
        var (x, weights) = (randn(3, 2, length), projection.state_dict());

        var map = projection.forward(x);

        map.shape.Should().Equal(3, 4, height, width);
        var steps = nn.functional.conv1d(x, weights["conv.weight"], weights["conv.bias"], stride, padding: 2);
        var line = map.flatten(2);
        line[.., .., ..(int)steps.shape[2]].ShouldEqual(steps, 1e-5);
        line[.., .., (int)steps.shape[2]..].abs().sum().ToDouble().Should().Be(0, "zeros fill the end of the grid");
    }

    [Fact]
    public void Tokens_are_looked_up_and_folded_like_a_sequence()
    {
        using var scope = NewDisposeScope();
        using var projection = new TokenProjection(vocabulary: 9, channels: 4, length: 6, kernelSize: 3);
        var weights = projection.state_dict();
        using var sequence = new SequenceProjection(4, 4, 6, kernelSize: 3);
        sequence.load_state_dict(weights.Where(pair => pair.Key.StartsWith("sequence.", StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key["sequence.".Length..], pair => pair.Value));
        var tokens = tensor(new long[] { 0, 8, 3, 3, 1, 7 }).view(1, 6);

        var embedded = stack(tokens.data<long>().Select(token => weights["embedding.weight"][token])).t().unsqueeze(0);
        projection.forward(tokens).ShouldEqual(sequence.forward(embedded), 1e-6);
    }

    [Fact]
    public void Standardisation_subtracts_the_mean_and_divides_by_the_deviation_of_training_samples()
    {
        using var scope = NewDisposeScope();
        var samples = randn(50, 3, 4, 4) * tensor(new[] { 1f, 10, 0 }).view(3, 1, 1) + tensor(new[] { 5f, -3, 2 }).view(3, 1, 1);
        var input = Inputs.Image(3, 4, 4).StandardizedBy(samples);
        using var standardization = new Standardization(input.Mean!, input.StandardDeviation!);

        var y = standardization.forward(samples);

        y.mean([0, 2, 3]).abs().max().ToDouble().Should().BeLessThan(1e-4);
        var deviations = y.std([0, 2, 3], unbiased: false);
        deviations[..2].ShouldEqual(ones(2), 1e-4);
        input.StandardDeviation![2].Should().Be(1, "a channel that never changes is left as it is");
        FluentActions.Invoking(() => Inputs.Image(3, 4, 5).StandardizedBy(samples)).Should().Throw<ArgumentException>().WithMessage("*(50, 3, 4, 4)*(count, 3, 4, 5)*");
    }
}
