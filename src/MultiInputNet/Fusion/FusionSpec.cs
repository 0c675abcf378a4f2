using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>How the features of a task's inputs become one feature vector per sample. Created with <see cref="Fusions"/>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(FlattenSpec), "flatten")]
[JsonDerivedType(typeof(GlobalAverageSpec), "global_average")]
[JsonDerivedType(typeof(GlobalMaxSpec), "global_max")]
[JsonDerivedType(typeof(AttentionSpec), "attention")]
[JsonDerivedType(typeof(ConcatSpec), "concat")]
[JsonDerivedType(typeof(SumSpec), "sum")]
[JsonDerivedType(typeof(MeanSpec), "mean")]
[JsonDerivedType(typeof(CustomFusionSpec), "custom")]
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract record FusionSpec
{
    private protected FusionSpec()
    {
    }

    /// <summary>Its name in messages.</summary>
    [JsonIgnore]
    internal abstract string Title { get; }

    /// <summary>Whether it takes the features of several inputs.</summary>
    [JsonIgnore]
    internal abstract bool TakesSeveral { get; }

    /// <summary>The module that <see cref="Fuse"/> runs: features of the given shapes in, <c>(batch, features)</c> out.</summary>
    internal abstract nn.Module Create(IReadOnlyList<FeatureShape> shapes);

    /// <summary>The number of weights of the module, apart from biases and normalisations; 0 if only the module knows.</summary>
    internal virtual Int128 CountWeights(IReadOnlyList<FeatureShape> shapes) => 0;

    /// <summary>What is wrong with this fusion for features of those shapes, and the cure; null if nothing is.</summary>
    internal virtual (string Problem, string Cure)? FindMistake(IReadOnlyList<FeatureShape> shapes) =>
        shapes.Count > 1 && !TakesSeveral
            ? ($"{Title} takes one input, but the task has {shapes.Count}.", $"Use Fusions.Concat(each: Fusions.{Title}()), or Sum, Mean or Attention.")
            : null;

    /// <summary>The channels that the module is made for, so that features of others cannot share it; null where it takes any.</summary>
    internal virtual long? ChannelsFor(IReadOnlyList<FeatureShape> shapes) => null;

    /// <summary>Runs the module of a fusion: one that takes feature sets, or a user's own that takes plain maps.</summary>
    internal static Tensor Fuse(nn.Module fusion, IReadOnlyList<FeatureSet> features) => fusion switch
    {
        nn.Module<IReadOnlyList<FeatureSet>, Tensor> module => module.call(features),
        nn.Module<IReadOnlyList<Tensor>, Tensor> module when features.All(f => f.Mask is null) => module.call([.. features.Select(f => f.Values)]),
        _ => throw new MultiInputException(
            $"fusion '{fusion.GetName()}'",
            ModelComponent.Fusion,
            "some features are absent, but it takes plain maps, which cannot say so.",
            "Describe it with Fusions.FromFeatures."),
    };

    /// <summary>Shapes as named in messages.</summary>
    internal static string Text(IReadOnlyList<FeatureShape> shapes) =>
        $"{(shapes.All(shape => shape is MapShape) ? "maps" : "features")} {string.Join(", ", shapes)}";

    /// <inheritdoc/>
    public sealed override string ToString() => RecordText.Of(this, GetType());
}
