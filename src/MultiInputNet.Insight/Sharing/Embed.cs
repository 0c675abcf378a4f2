using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <content>Embeddings in two dimensions.</content>
public static partial class Insight
{
    private const int MostPoints = 5_000;
    private const double DefaultPerplexity = 30;

    /// <summary>Brings the base features of all inputs to two dimensions together, so that they can be compared in one picture.</summary>
    /// <remarks>
    /// It is deterministic, draws from a generator of its own, and computes on the CPU in double precision. t-SNE compares every two
    /// samples: its time and memory grow with the square of their number.
    /// </remarks>
    /// <param name="features">The features, from <see cref="BaseFeatures"/>; of one base, so that they have the same channels.</param>
    /// <param name="method">How.</param>
    /// <param name="seed">The seed of t-SNE; principal components do not depend on it.</param>
    /// <param name="perplexity">
    /// The number of neighbours that t-SNE looks at, at least 1; a third of the samples if that is less.
    /// </param>
    /// <param name="cancellationToken">Ends t-SNE between two of its iterations.</param>
    /// <returns>
    /// The coordinates of each entry in its order, <c>(samples, 2)</c>, in double precision on the CPU. If the features have only one
    /// direction, the second coordinate of the principal components is 0.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// There are no features, they have different numbers of channels, or they are not finite; or there are fewer than two samples
    /// together, or more than 5,000 for t-SNE.
    /// </exception>
    public static IReadOnlyList<Tensor> Embed(
        IReadOnlyList<InputFeatures> features,
        EmbeddingMethod method = EmbeddingMethod.Pca,
        long seed = 0,
        double perplexity = DefaultPerplexity,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (features.Count == 0)
            throw new ArgumentException("There are no features; give those of at least one input.", nameof(features));
        if (features.Contains(null!))
            throw new ArgumentException("One of the features is null.", nameof(features));
        if (features.FirstOrDefault(other => other.Values.shape[1] != features[0].Values.shape[1]) is { } different)
        {
            throw new ArgumentException(
                $"Input '{features[0].Input}' has {features[0].Values.shape[1]} channels and '{different.Input}' has {different.Values.shape[1]}: give inputs of one base.",
                nameof(features));
        }

        using var scope = NewDisposeScope();
        var embedded = Embed(cat([.. features.Select(its => its.Values)], 0), nameof(features), method, seed, perplexity, cancellationToken);
        var (parts, start) = (new List<Tensor>(), 0L);
        foreach (var its in features)
        {
            parts.Add(embedded.narrow(0, start, its.Values.shape[0]).clone().MoveToOuterDisposeScope());
            start += its.Values.shape[0];
        }

        return parts;
    }

    /// <summary>Brings features of any kind to two dimensions.</summary>
    /// <remarks>As for the base features of inputs, with t-SNE's perplexity of 30.</remarks>
    /// <param name="features">The features, <c>(samples, features)</c>, on any device.</param>
    /// <param name="method">How.</param>
    /// <param name="seed">The seed of t-SNE.</param>
    /// <returns>The coordinates, <c>(samples, 2)</c>, in double precision on the CPU.</returns>
    /// <exception cref="ArgumentException">
    /// The features are not a matrix of finite numbers with at least two samples, or there are more than 5,000 samples for t-SNE.
    /// </exception>
    public static Tensor Embed(Tensor features, EmbeddingMethod method, long seed) =>
        Embed(features, nameof(features), method, seed, DefaultPerplexity, CancellationToken.None);

    private static Tensor Embed(
        Tensor features, string parameter, EmbeddingMethod method, long seed, double perplexity, CancellationToken cancellationToken)
    {
        CheckFeatures(features, parameter);
        if (!(perplexity >= 1 && double.IsFinite(perplexity)))
            throw new ArgumentOutOfRangeException(nameof(perplexity), perplexity, "Give a finite number from 1.");
        if (method is not (EmbeddingMethod.Pca or EmbeddingMethod.Tsne))
            throw new ArgumentOutOfRangeException(nameof(method), method, "There is no such method.");
        if (method == EmbeddingMethod.Tsne && features.shape[0] > MostPoints)
            throw new ArgumentException($"There are {features.shape[0]:N0} samples; give t-SNE at most {MostPoints:N0}, since it compares every two.", parameter);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var x = features.detach().cpu().to(ScalarType.Float64);
        var embedded = method == EmbeddingMethod.Pca ? PrincipalComponents.Of(x, 2) : Tsne.Embed(x, perplexity, seed, cancellationToken);
        return embedded.contiguous().MoveToOuterDisposeScope();
    }
}
