namespace MultiInputNet.Insights;

/// <summary>How features are brought to two dimensions.</summary>
public enum EmbeddingMethod
{
    /// <summary>The first two principal components: distances far apart are kept, and it is the same for every seed.</summary>
    Pca,

    /// <summary>
    /// t-SNE (van der Maaten and Hinton, 2008), exact: neighbours stay neighbours. Distances between clusters and their sizes mean nothing.
    /// </summary>
    Tsne,
}
