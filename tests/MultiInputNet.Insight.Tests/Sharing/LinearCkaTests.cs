using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Sharing;

/// <summary>Centred kernel alignment and the similarity of covariances.</summary>
public sealed class LinearCkaTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void It_is_what_NumPy_computes()
    {
        var fixture = SharingProblem.Fixture();
        Insight.LinearCka(fixture.Matrix("x"), fixture.Matrix("y")).Should().BeApproximately(fixture.Number("cka"), 1e-12);
        Insight.CovarianceSimilarity(fixture.Matrix("x"), fixture.Matrix("z")).Should().BeApproximately(fixture.Number("covariance"), 1e-12);
    }

    [Theory]
    [InlineData(50, 4, 7)]
    [InlineData(6, 40, 30)]
    [InlineData(20, 5, 60)]
    public void It_is_the_same_by_features_and_by_samples(int samples, int features, int others)
    {
        using var generator = new Generator(1);
        var x = randn([samples, features], ScalarType.Float64, generator: generator);
        var y = cat([x[.., ..2], randn([samples, others], ScalarType.Float64, generator: generator)], 1);

        // By definition: of the centred Gram matrices.
        var centring = eye(samples, samples, ScalarType.Float64) - 1.0 / samples;
        var (k, l) = (centring.mm(x.mm(x.t())).mm(centring), centring.mm(y.mm(y.t())).mm(centring));
        var expected = ((k * l).sum() / (k.norm() * l.norm())).ToDouble();

        Insight.LinearCka(x, y).Should().BeApproximately(expected, 1e-12);
    }

    [Theory]
    [InlineData(30, 5)]
    [InlineData(5, 30)]
    public void Covariances_are_compared_the_same_by_features_and_by_samples(int samples, int features)
    {
        using var generator = new Generator(1);
        var x = randn([samples, features], ScalarType.Float64, generator: generator) * linspace(1, 3, features, ScalarType.Float64);
        var y = randn([samples + 3, features], ScalarType.Float64, generator: generator);
        Tensor Covariance(Tensor of) => (of - of.mean([0L], keepdim: true)) is var centred ? centred.t().mm(centred) / of.shape[0] : of;
        var (a, b) = (Covariance(x), Covariance(y));

        Insight.CovarianceSimilarity(x, y).Should().BeApproximately(((a * b).sum() / (a.norm() * b.norm())).ToDouble(), 1e-12);
    }

    [Fact]
    public void Rotation_scale_and_shift_change_nothing()
    {
        using var generator = new Generator(1);
        var x = randn([40, 6], ScalarType.Float64, generator: generator);
        var y = x[.., ..3] + 0.5 * randn([40, 3], ScalarType.Float64, generator: generator);
        var (rotation, _) = linalg.qr(randn([6, 6], ScalarType.Float64, generator: generator));
        var plain = Insight.LinearCka(x, y);

        plain.Should().BeInRange(0.2, 0.9);
        Insight.LinearCka(x.mm(rotation) * 1e-7 + 12, y * 1e200).Should().BeApproximately(plain, 1e-7);
        Insight.LinearCka(x.mm(rotation), x).Should().BeApproximately(1, 1e-12);
    }

    [Fact]
    public void Rows_are_pairs()
    {
        using var generator = new Generator(1);
        var x = randn([400, 3], generator: generator);
        Insight.LinearCka(x, x).Should().BeApproximately(1, 1e-9);
        Insight.LinearCka(x, x.flip(0)).Should().BeLessThan(0.1);
        Insight.CovarianceSimilarity(x, x.flip(0)).Should().BeApproximately(1, 1e-9);
    }

    [Fact]
    public void What_varies_along_other_features_has_nothing_in_common()
    {
        using var generator = new Generator(1);
        var x = randn([40, 2], generator: generator);
        var none = zeros(40, 2);
        Insight.CovarianceSimilarity(cat([x, none], 1), cat([none, x], 1)).Should().BeApproximately(0, 1e-12);
        Insight.CovarianceSimilarity(cat([x, none], 1), cat([x * 5, none], 1)[..30]).Should().BeGreaterThan(0.9);
    }

    [Fact]
    public void Features_that_never_vary_have_no_similarity()
    {
        var x = rand(10, 3);
        double.IsNaN(Insight.LinearCka(x, full(10, 4, 0.1))).Should().BeTrue();
        double.IsNaN(Insight.LinearCka(zeros(10, 4), x)).Should().BeTrue();
    }

    [Fact]
    public void What_cannot_be_compared_is_refused()
    {
        var x = rand(10, 3);
        FluentActions.Invoking(() => Insight.LinearCka(x, rand(9, 3))).Should().Throw<ArgumentException>().WithMessage("There are features of 10 and of 9 samples*");
        FluentActions.Invoking(() => Insight.LinearCka(rand(10), x)).Should().Throw<ArgumentException>().WithMessage("The features are (10)*");
        FluentActions.Invoking(() => Insight.LinearCka(rand(1, 3), rand(1, 3))).Should().Throw<ArgumentException>().WithMessage("*at least two samples*");
        FluentActions.Invoking(() => Insight.LinearCka(x / 0, x)).Should().Throw<ArgumentException>().WithMessage("The features are not all finite*");
        FluentActions.Invoking(() => Insight.CovarianceSimilarity(x, rand(10, 4))).Should().Throw<ArgumentException>().WithMessage("There are 3 and 4 features*");
        FluentActions.Invoking(() => Insight.LinearCka(null!, x)).Should().Throw<ArgumentNullException>();
    }
}
