using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The fusions that a task can be described with. The default is <see cref="Flatten"/>.</summary>
public static class Fusions
{
    /// <summary>All values of the map in one vector. See <see cref="FlattenFusion"/>.</summary>
    /// <returns>The description.</returns>
    public static FlattenSpec Flatten() => new();

    /// <summary>The mean of each channel. See <see cref="GlobalAverageFusion"/>.</summary>
    /// <returns>The description.</returns>
    public static GlobalAverageSpec GlobalAverage() => new();

    /// <summary>The largest value of each channel. See <see cref="GlobalMaxFusion"/>.</summary>
    /// <returns>The description.</returns>
    public static GlobalMaxSpec GlobalMax() => new();

    /// <summary>Self-attention over the positions of the map, or of the maps of all inputs. See <see cref="AttentionFusion"/>.</summary>
    /// <param name="heads">Heads; they must divide the channels of the base's maps.</param>
    /// <param name="dropout">The chance of each attention weight to be left out in training mode.</param>
    /// <returns>The description.</returns>
    public static AttentionSpec Attention(int heads, double dropout = 0) => new(heads) { Dropout = dropout };

    /// <summary>The vectors of several inputs one behind the other.</summary>
    /// <param name="each">How each map becomes a vector; <see cref="Flatten"/> when null.</param>
    /// <returns>The description.</returns>
    public static ConcatSpec Concat(SingleFusionSpec? each = null) => new() { Each = each ?? Flatten() };

    /// <summary>The sum of the vectors of several inputs.</summary>
    /// <param name="each">How each map becomes a vector; <see cref="GlobalAverage"/> when null.</param>
    /// <returns>The description.</returns>
    public static SumSpec Sum(SingleFusionSpec? each = null) => new() { Each = each ?? GlobalAverage() };

    /// <summary>The mean of the vectors of several inputs.</summary>
    /// <param name="each">How each map becomes a vector; <see cref="GlobalAverage"/> when null.</param>
    /// <returns>The description.</returns>
    public static MeanSpec Mean(SingleFusionSpec? each = null) => new() { Each = each ?? GlobalAverage() };

    /// <summary>A module of your own for tasks with one input: a feature map in, <c>(batch, features)</c> out.</summary>
    /// <param name="name">The name it has in the description's JSON.</param>
    /// <param name="factory">Makes a new module for a map of the given shape.</param>
    /// <returns>The description.</returns>
    public static CustomFusionSpec From(string name, Func<MapShape, nn.Module<Tensor, Tensor>> factory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        return FromSeveral(name, maps => maps.Count == 1
            ? new OneMap(factory(maps[0]))
            : throw new ArgumentException($"It takes one input and the task has {maps.Count}; use Fusions.FromSeveral."));
    }

    /// <summary>A module of your own for tasks with several inputs: their maps in the task's order in, <c>(batch, features)</c> out.</summary>
    /// <param name="name">The name it has in the description's JSON.</param>
    /// <param name="factory">Makes a new module for maps of the given shapes.</param>
    /// <returns>The description.</returns>
    public static CustomFusionSpec FromSeveral(
        string name, Func<IReadOnlyList<MapShape>, nn.Module<IReadOnlyList<Tensor>, Tensor>> factory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(factory);
        return new(name) { Factory = factory };
    }
}
