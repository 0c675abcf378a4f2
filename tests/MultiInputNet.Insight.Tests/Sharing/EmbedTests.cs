using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Sharing;

/// <summary>Embeddings in two dimensions.</summary>
public sealed class EmbedTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(EmbeddingMethod.Pca)]
    [InlineData(EmbeddingMethod.Tsne)]
    public void Planted_clusters_stay_apart(EmbeddingMethod method)
    {
        using var generator = new Generator(4);
        var centres = randn([4, 20], generator: generator) * 6;
        var clusters = arange(120, ScalarType.Int64) % 4;
        var x = centres[clusters] + randn([120, 20], generator: generator);

        Neighbours(Insight.Embed(x, method, seed: 1), clusters).Should().BeGreaterThan(0.95);

        // The measure itself: of points without clusters, a quarter have a neighbour of their own.
        Neighbours(randn([120, 2], generator: generator), clusters).Should().BeLessThan(0.5);
    }

    [Fact]
    public void Probabilities_are_those_of_scikit_learn()
    {
        var fixture = SharingProblem.Fixture();
        var expected = fixture.Matrix("joint");
        var p = Tsne.Affinities(fixture.Matrix("points"), 8);

        p.sum().ToDouble().Should().BeApproximately(1, 1e-8);
        (p - expected).abs().max().ToDouble().Should().BeLessThan(1e-3 * expected.max().ToDouble());
    }

    [Theory]
    [InlineData(1e-6)]
    [InlineData(1e6)]
    public void Probabilities_do_not_depend_on_the_scale(double scale)
    {
        var points = SharingProblem.Fixture().Matrix("points");
        var expected = Tsne.Affinities(points, 8);
        (Tsne.Affinities(points * scale, 8) - expected).abs().max().ToDouble().Should().BeLessThan(1e-9);
    }

    [Fact]
    public void Equal_samples_have_probabilities_too()
    {
        var p = Tsne.Affinities(cat([zeros(20, 3, ScalarType.Float64), ones(20, 3, ScalarType.Float64)], 0), 5);
        p.isfinite().all().ToBoolean().Should().BeTrue();
        p[..20, ..20].sum().ToDouble().Should().BeApproximately(0.5, 1e-6);
        Insight.Embed(ones(10, 3), EmbeddingMethod.Tsne, 0).isfinite().all().ToBoolean().Should().BeTrue();
    }

    [Fact]
    public void The_gradient_is_that_of_the_divergence()
    {
        using var generator = new Generator(4);
        var p = Tsne.Affinities(randn([12, 4], ScalarType.Float64, generator: generator), 3);
        var y = randn([12, 2], ScalarType.Float64, generator: generator);
        var gradient = Tsne.Gradient(p, y);
        const double Step = 1e-6;
        foreach (var (row, column) in new[] { (0, 0), (3, 1), (11, 0) })
        {
            var (up, down) = (y.clone(), y.clone());
            up[row, column] += Step;
            down[row, column] -= Step;
            var expected = (Divergence(p, up) - Divergence(p, down)) / (2 * Step);
            gradient[row, column].ToDouble().Should().BeApproximately(expected, 1e-6 * Math.Max(1, Math.Abs(expected)));
        }

        static double Divergence(Tensor p, Tensor y)
        {
            var kernel = 1 / (1 + (y.unsqueeze(0) - y.unsqueeze(1)).square().sum(2));
            kernel = kernel.masked_fill(eye(12, 12, ScalarType.Bool), 0);
            var q = kernel / kernel.sum();
            var other = eye(12, 12, ScalarType.Bool).logical_not();
            return (p[other] * (p[other] / q[other]).log()).sum().ToDouble();
        }
    }

    [Fact]
    public void Principal_components_have_the_largest_variances()
    {
        using var generator = new Generator(4);
        var x = randn([200, 5], ScalarType.Float64, generator: generator) * tensor([5.0, 0.1, 3.0, 1.0, 0.5]) + 40;
        var y = Insight.Embed(x, EmbeddingMethod.Pca, 0);
        var eigenvalues = linalg.eigvalsh((x - x.mean([0L])).t().mm(x - x.mean([0L])) / 200).flip(0);

        (y.square().mean([0L]) - eigenvalues[..2]).abs().max().ToDouble().Should().BeLessThan(1e-9);
        y.mean([0L]).abs().max().ToDouble().Should().BeLessThan(1e-10);

        // One direction has no second component.
        Insight.Embed(x[.., ..1], EmbeddingMethod.Pca, 0)[.., 1].abs().max().ToDouble().Should().Be(0);
    }

    [Fact]
    public void It_is_the_same_each_time_and_draws_nothing_from_the_process()
    {
        var x = rand(30, 5);
        var state = random.get_rng_state().bytes.ToArray();
        var first = Insight.Embed(x, EmbeddingMethod.Tsne, 3);
        random.get_rng_state().bytes.ToArray().Should().Equal(state);
        random.manual_seed(123);
        Insight.Embed(x, EmbeddingMethod.Tsne, 3).bytes.ToArray().Should().Equal(first.bytes.ToArray());
        Insight.Embed(x, EmbeddingMethod.Tsne, 4).bytes.ToArray().Should().NotEqual(first.bytes.ToArray());
    }

    [Fact]
    public void Base_features_have_their_rows_and_labels_and_are_embedded_together()
    {
        using var model = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        var trace = new ModelTrace(model);
        var features = Insight.BaseFeatures(model, sources, samplesPerInput: 40, seed: 2);
        trace.ShouldBeUnchanged();

        features.Select(its => (its.Input, its.Source)).Should().Equal(("image", "image"), ("table", "table"));
        var images = features[0];
        images.Values.shape.Should().Equal(40, 12);
        images.Rows.Should().HaveCount(40).And.OnlyHaveUniqueItems();
        model.eval();
        var rows = tensor(images.Rows.ToArray());
        var expected = model.forward_features(new Dictionary<string, Tensor> { ["image"] = sources[0].Inputs["image"][rows] })["image"].mean([2, 3]);
        (images.Values - expected).abs().max().ToDouble().Should().BeLessThan(1e-5);
        images.Labels["image"].data<long>().ToArray().Should().Equal(sources[0].Targets["image"][rows].data<long>().ToArray());

        var points = Insight.Embed(features);
        points.Select(its => its.shape[0]).Should().Equal(40, 40);
        (cat([.. points], 0) - Insight.Embed(cat([.. features.Select(its => its.Values)], 0), EmbeddingMethod.Pca, 0)).abs().max().ToDouble().Should().Be(0);
    }

    [Fact]
    public void Nothing_stays_in_memory()
    {
        using var model = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        void Run()
        {
            using var inner = NewDisposeScope();
            foreach (var its in Insight.BaseFeatures(model, sources, 20))
                its.Dispose();
            Insight.Embed(rand(12, 3), EmbeddingMethod.Tsne, 0);
            Insight.LayerSimilarity(model, sources, 20);
        }

        Run();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 3; i++)
            Run();
        DisposeScopeManager.Statistics.ThreadTotalLiveCount.Should().Be(before);
    }

    [Fact]
    public void Mistakes_are_named()
    {
        using var model = SharingProblem.Build();
        FluentActions.Invoking(() => Insight.Embed(rand(5, 2), (EmbeddingMethod)9, 0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => Insight.Embed([])).Should().Throw<ArgumentException>().WithMessage("There are no features*");
        FluentActions.Invoking(() => Insight.Embed(rand(5001, 2), EmbeddingMethod.Tsne, 0)).Should().Throw<ArgumentException>().WithMessage("*at most 5,000*");
        FluentActions.Invoking(() => Insight.BaseFeatures(model, [])).Should().Throw<ArgumentException>().WithMessage("There is no source*");
        FluentActions.Invoking(() => Insight.BaseFeatures(model, [new TensorSource("other", rand(4, 2))])).Should().Throw<MultiInputException>().WithMessage("*no such input*");
        FluentActions.Invoking(() => Insight.BaseFeatures(model, SharingProblem.Sources(), cancellationToken: new(true))).Should().Throw<OperationCanceledException>();
    }

    /// <summary>The share of points whose nearest neighbour is of the same cluster.</summary>
    private static double Neighbours(Tensor points, Tensor clusters)
    {
        var distances = cdist(points.to(ScalarType.Float64), points.to(ScalarType.Float64));
        var nearest = (distances + diag(full(points.shape[0], double.PositiveInfinity, ScalarType.Float64)).nan_to_num(0, double.PositiveInfinity)).argmin(1);
        return (clusters[nearest] == clusters).to(ScalarType.Float64).mean().ToDouble();
    }
}
