using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>How the feature maps of a task's inputs become one feature vector per sample. Made with <see cref="Fusions"/>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(FlattenSpec), "flatten")]
[JsonDerivedType(typeof(GlobalAverageSpec), "global_average")]
[JsonDerivedType(typeof(GlobalMaxSpec), "global_max")]
[JsonDerivedType(typeof(AttentionSpec), "attention")]
[JsonDerivedType(typeof(ConcatSpec), "concat")]
[JsonDerivedType(typeof(SumSpec), "sum")]
[JsonDerivedType(typeof(MeanSpec), "mean")]
[JsonDerivedType(typeof(CustomFusionSpec), "custom")]
public abstract record FusionSpec
{
    private protected FusionSpec()
    {
    }

    /// <summary>The name that messages give it.</summary>
    [JsonIgnore]
    internal abstract string Title { get; }

    /// <summary>Whether it takes the maps of several inputs.</summary>
    [JsonIgnore]
    internal abstract bool TakesSeveral { get; }

    /// <summary>The module: maps of the given shapes in, <c>(batch, features)</c> out.</summary>
    internal abstract nn.Module<IReadOnlyList<Tensor>, Tensor> Create(IReadOnlyList<MapShape> maps);

    /// <summary>The weights of the module, apart from biases and normalisations; 0 where only the module knows.</summary>
    internal virtual Int128 CountWeights(IReadOnlyList<MapShape> maps) => 0;

    /// <summary>What is wrong with this fusion for maps of those shapes, and the cure; null when nothing is.</summary>
    internal virtual (string Problem, string Cure)? FindMistake(IReadOnlyList<MapShape> maps) =>
        maps.Count > 1 && !TakesSeveral
            ? ($"{Title} takes one input and the task has {maps.Count}.", $"Use Fusions.Concat(each: Fusions.{Title}()), or Sum, Mean or Attention.")
            : null;

    /// <inheritdoc/>
    public sealed override string ToString() => RecordText.Of(this);
}
