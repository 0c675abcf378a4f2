using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>An input's own path into the base. Created with <see cref="Projections"/>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ConvolutionProjectionSpec), "convolution")]
[JsonDerivedType(typeof(IdentityProjectionSpec), "identity")]
[JsonDerivedType(typeof(AdaptedStemSpec), "adapted_stem")]
[JsonDerivedType(typeof(TabularProjectionSpec), "tabular")]
[JsonDerivedType(typeof(SequenceProjectionSpec), "sequence")]
[JsonDerivedType(typeof(CustomProjectionSpec), "custom")]
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract record ProjectionSpec
{
    private protected ProjectionSpec()
    {
    }

    /// <summary>The module that maps batches of <paramref name="input"/> to <c>(batch, channels, height, width)</c>.</summary>
    internal abstract nn.Module<Tensor, Tensor> Create(InputSpec input, ProjectionTarget target);

    /// <summary>The number of weights of the module, apart from biases and normalisations; 0 if only the module knows.</summary>
    internal virtual Int128 CountWeights(InputSpec input, ProjectionTarget target) => 0;

    /// <summary>The steps of a sequence between two positions of the map, which it fills row by row.</summary>
    internal virtual int StepsPerPosition => 1;

    /// <summary>The band names of an image that goes into the base directly, or through a stem; none if they are not known.</summary>
    internal virtual IReadOnlyList<string> FindBands(InputSpec input) => [];

    /// <summary>What is legal but probably a mistake in front of that base, in sentences.</summary>
    /// <param name="target">The base.</param>
    /// <param name="layers">The base's layers that contain no other layers.</param>
    internal virtual IEnumerable<string> FindWarnings(ProjectionTarget target, IReadOnlyList<nn.Module> layers)
    {
        if (Ending.Normalization == Normalization.None || layers.Count == 0)
            yield break;
        if (!layers.Any(Normalizations.MayContain))
            yield return "its projection normalises but the base has no normalisation after it; such models often train badly. Leave it out, or normalise in the base too.";
        else if (Ending.Activation == Activation.None && Normalizations.Contains(layers[0]))
            yield return "its projection ends with a normalisation and the base begins with one; the first has no effect. Leave it out.";
    }

    /// <summary>What follows its linear layer.</summary>
    private protected virtual (Normalization Normalization, Activation Activation) Ending => default;

    /// <summary>What is wrong with this projection for that input, and the cure; null if nothing is.</summary>
    internal virtual (string Problem, string Cure)? FindMistake(InputSpec input) => null;

    private protected static (string Problem, string Cure) WrongKind(string projection, InputSpec input, string cure) =>
        ($"{projection} does not take {input.Kind} input of shape {Shapes.Text(input.Shape)}.", cure);

    /// <inheritdoc/>
    public sealed override string ToString() => RecordText.Of(this, GetType());
}
