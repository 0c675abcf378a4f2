using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The fusions that a task can have. The default is <see cref="Flatten"/>. All take maps and tokens and respect which are present, except
/// your own modules that take plain maps.
/// </summary>
public static class Fusions
{
    /// <summary>
    /// All values in one vector, of a map channel by channel, of tokens one after another, with zeros for what is not present: nothing is
    /// lost, and the size is fixed.
    /// </summary>
    /// <returns>The description.</returns>
    public static SingleFusionSpec Flatten() => new FlattenSpec();

    /// <summary>The mean of each channel over the positions that are present; zeros for a sample without any.</summary>
    /// <returns>The description.</returns>
    public static SingleFusionSpec GlobalAverage() => new GlobalAverageSpec();

    /// <summary>The maximum of each channel over the positions that are present; zeros for a sample without any.</summary>
    /// <returns>The description.</returns>
    public static SingleFusionSpec GlobalMax() => new GlobalMaxSpec();

    /// <summary>
    /// Self-attention over the positions of the features of all inputs, which must have the same number of channels. See
    /// <see cref="AttentionFusion"/>.
    /// </summary>
    /// <param name="heads">The number of heads, which must divide the channels of the features.</param>
    /// <param name="dropout">The dropout probability of each attention weight in training mode.</param>
    /// <returns>The description.</returns>
    public static FusionSpec Attention(int heads, double dropout = 0) => new AttentionSpec(heads) { Dropout = dropout };

    /// <summary>The concatenated vectors of several inputs, with zeros for a sample that an input lacks.</summary>
    /// <param name="each">How the features of each input become a vector; <see cref="Flatten"/> when null.</param>
    /// <returns>The description.</returns>
    public static FusionSpec Concat(SingleFusionSpec? each = null) => new ConcatSpec { Each = each ?? Flatten() };

    /// <summary>The sum of the vectors of several inputs, which must have the same length, over the inputs that have the sample.</summary>
    /// <param name="each">How the features of each input become a vector; <see cref="GlobalAverage"/> when null.</param>
    /// <returns>The description.</returns>
    public static FusionSpec Sum(SingleFusionSpec? each = null) => new SumSpec { Each = each ?? GlobalAverage() };

    /// <summary>The mean of the vectors of several inputs, which must have the same length, over the inputs that have the sample.</summary>
    /// <param name="each">How the features of each input become a vector; <see cref="GlobalAverage"/> when null.</param>
    /// <returns>The description.</returns>
    public static FusionSpec Mean(SingleFusionSpec? each = null) => new MeanSpec { Each = each ?? GlobalAverage() };

    /// <summary>A module of your own for tasks with one input: a feature map in, <c>(batch, features)</c> out.</summary>
    /// <param name="name">Its name in the description's JSON.</param>
    /// <param name="factory">Creates a new module for a map of the given shape.</param>
    /// <returns>The description.</returns>
    public static FusionSpec From(string name, Func<MapShape, nn.Module<Tensor, Tensor>> factory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(factory);
        return new CustomFusionSpec(name) { Factory = factory };
    }

    /// <summary>A module of your own for tasks with several inputs: their maps in the task's order in, <c>(batch, features)</c> out.</summary>
    /// <param name="name">Its name in the description's JSON.</param>
    /// <param name="factory">Creates a new module for maps of the given shapes.</param>
    /// <returns>The description.</returns>
    public static FusionSpec FromSeveral(
        string name, Func<IReadOnlyList<MapShape>, nn.Module<IReadOnlyList<Tensor>, Tensor>> factory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(factory);
        return new CustomFusionSpec(name) { Factory = factory };
    }
    /// <summary>
    /// A module of your own for any features: takes the features of the task's inputs in order, maps or tokens, with masks of what is
    /// present; returns <c>(batch, features)</c>.
    /// </summary>
    /// <param name="name">Its name in the description's JSON.</param>
    /// <param name="factory">Creates a new module for features of the given shapes.</param>
    /// <returns>The description.</returns>
    public static FusionSpec FromFeatures(
        string name, Func<IReadOnlyList<FeatureShape>, nn.Module<IReadOnlyList<FeatureSet>, Tensor>> factory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(factory);
        return new CustomFusionSpec(name) { Factory = factory };
    }
}
