using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>
/// Exact t-SNE (van der Maaten and Hinton, 2008): points in the plane whose neighbourhoods are those of the features.
/// </summary>
/// <remarks>
/// Begun at the first two principal components (Kobak and Linderman, 2021), with noise that separates equal samples; early exaggeration,
/// momentum and the learning rate as in scikit-learn. All in double precision.
/// </remarks>
internal static class Tsne
{
    private const int Iterations = 750;
    private const int Exaggerated = 250;
    private const double Exaggeration = 12;
    private const double StartDeviation = 1e-4;
    private const int MostComponents = 50;
    private const double Tiny = 1e-12;

    /// <summary>Embeds features, <c>(samples, features)</c>, in the plane, <c>(samples, 2)</c>.</summary>
    public static Tensor Embed(Tensor x, double perplexity, long seed, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        var count = x.shape[0];
        using var generator = new Generator((ulong)seed);
        var components = PrincipalComponents.Of(x, (int)Math.Min(MostComponents, x.shape[1]));
        var p = Affinities(components, Math.Max(1, Math.Min(perplexity, (count - 1) / 3.0)));
        var start = PrincipalComponents.Of(x, 2);
        var deviation = start.select(1, 0).std(unbiased: false).ToDouble();
        var y = deviation > 0 ? start * (StartDeviation / deviation) : start;
        y += randn([count, 2], ScalarType.Float64, generator: generator) * (StartDeviation / 100);

        var (step, gain) = (zeros_like(y), ones_like(y));
        var rate = Math.Max(count / Exaggeration / 4, 50);
        for (var i = 0; i < Iterations; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var iteration = NewDisposeScope();
            var gradient = Gradient(p, y, i < Exaggerated ? Exaggeration : 1);

            // Jacobs (1988): a rate for each coordinate, which grows while it keeps its direction.
            var turns = gradient * step > 0;
            gain = where(turns, gain * 0.8, gain + 0.2).clamp_min(0.01);
            step = step * (i < Exaggerated ? 0.5 : 0.8) - gain * gradient * rate;
            y += step;
            y = (y - y.mean([0L], keepdim: true)).MoveToOuterDisposeScope();
            (step, gain) = (step.MoveToOuterDisposeScope(), gain.MoveToOuterDisposeScope());
        }

        return y.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The joint probabilities of every two samples: for each sample a Gaussian whose entropy is the logarithm of the perplexity, made
    /// symmetric.
    /// </summary>
    public static Tensor Affinities(Tensor x, double perplexity)
    {
        using var scope = NewDisposeScope();
        var count = x.shape[0];
        var distances = SquaredDistances(x);
        var self = eye(count, count, ScalarType.Bool);

        // Shifting a row's distances changes no probability, and keeps one of them from 0.
        distances -= distances.masked_fill(self, double.PositiveInfinity).amin([1L], keepdim: true);
        var (low, high) = (zeros(count, 1, ScalarType.Float64), full([count, 1], double.PositiveInfinity, ScalarType.Float64));

        // Bisection begins at the scale of the distances, whatever it is.
        var precision = 1 / distances.masked_fill(self, 0).mean([1L], keepdim: true).clamp_min(double.Epsilon * 1e20);
        var target = Math.Log(perplexity);
        for (var i = 0; i < 100; i++)
        {
            using var iteration = NewDisposeScope();
            var tooWide = Entropy(Conditional(precision)) > target;
            low = where(tooWide, precision, low);
            high = where(tooWide, high, precision);
            precision = where(high.isinf(), precision * 2, (low + high) / 2).MoveToOuterDisposeScope();
            (low, high) = (low.MoveToOuterDisposeScope(), high.MoveToOuterDisposeScope());
        }

        var p = Conditional(precision);
        return ((p + p.t()) / (2 * count)).clamp_min(Tiny).MoveToOuterDisposeScope();

        Tensor Conditional(Tensor beta)
        {
            // 0 · ∞ is not a number where samples are equal and the precision has no bound.
            var weights = (-(distances * beta).nan_to_num(0)).exp().masked_fill(self, 0);
            return weights / weights.sum(1, keepdim: true);
        }

        static Tensor Entropy(Tensor p) => -(p * p.clamp_min(1e-300).log()).sum(1, keepdim: true);
    }

    /// <summary>The gradient of the Kullback-Leibler divergence of the plane's probabilities from those of the features (eq. 5).</summary>
    /// <param name="p">The joint probabilities of the features.</param>
    /// <param name="y">The points.</param>
    /// <param name="exaggeration">What the probabilities are multiplied by.</param>
    public static Tensor Gradient(Tensor p, Tensor y, double exaggeration = 1)
    {
        using var scope = NewDisposeScope();
        var kernel = SquaredDistances(y).add_(1).reciprocal_();
        kernel.diagonal().zero_();
        var total = kernel.sum();
        var forces = (p * exaggeration - kernel / total).mul_(kernel);
        return (4 * (forces.sum(1, keepdim: true) * y - forces.mm(y))).MoveToOuterDisposeScope();
    }

    private static Tensor SquaredDistances(Tensor x)
    {
        using var scope = NewDisposeScope();
        var squares = x.square().sum(1, keepdim: true);
        var distances = (squares + squares.t() - 2 * x.mm(x.t())).clamp_min_(0);
        distances.diagonal().zero_();
        return distances.MoveToOuterDisposeScope();
    }
}
