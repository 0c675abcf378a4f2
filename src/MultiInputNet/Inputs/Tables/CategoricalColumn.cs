namespace MultiInputNet;

/// <summary>
/// A column of categories, which the projection embeds. A batch holds their numbers: 0 for a missing or unknown one, 1 for the
/// first of <see cref="Categories"/>, and so on; NaN counts as 0.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Categories">The known categories, all different.</param>
public sealed record CategoricalColumn(string Name, IReadOnlyList<string> Categories) : TabularColumn(Name)
{
    private const int LargestWidth = 4096;

    private readonly int? embeddingWidth;

    /// <summary>The width of the vector that represents a category.</summary>
    /// <value>Default: half as many as there are categories, rounded up, and at most 50.</value>
    public int EmbeddingWidth { get => embeddingWidth ?? Math.Clamp((Categories.Count + 1) / 2, 1, 50); init => embeddingWidth = value; }

    internal override int Width => EmbeddingWidth;

    internal override long CountWeights() => (Categories.Count + 1L) * EmbeddingWidth;

    internal override (string Problem, string Cure)? FindMistake() =>
        Categories.Count is 0 or > Limits.LargestSize
            ? ($"column '{Name}' has {Categories.Count:N0} categories.", $"Give a number from 1 to {Limits.LargestSize:N0}.")
        : Categories.Any(category => category is null) || Categories.Distinct().Count() != Categories.Count
            ? ($"column '{Name}' names a category more than once, or no category.", "Name each once.")
        : EmbeddingWidth is < 1 or > LargestWidth
            ? ($"column '{Name}' has an embedding of {EmbeddingWidth:N0} values.", $"Give a number from 1 to {LargestWidth:N0}.")
            : null;
}
