using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>An input's own way to the base. Made with <see cref="Projections"/>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ConvolutionProjectionSpec), "convolution")]
[JsonDerivedType(typeof(IdentityProjectionSpec), "identity")]
[JsonDerivedType(typeof(AdaptedStemSpec), "adapted_stem")]
[JsonDerivedType(typeof(TabularProjectionSpec), "tabular")]
[JsonDerivedType(typeof(SequenceProjectionSpec), "sequence")]
[JsonDerivedType(typeof(CustomProjectionSpec), "custom")]
public abstract record ProjectionSpec
{
    private protected ProjectionSpec()
    {
    }

    /// <summary>The module that maps batches of <paramref name="input"/> to <c>(batch, channels, height, width)</c>.</summary>
    internal abstract nn.Module<Tensor, Tensor> Create(InputSpec input, int channels);

    /// <summary>The module in front of that base, whose inputs may share the weights in the bank.</summary>
    internal virtual nn.Module<Tensor, Tensor> Create(InputSpec input, SharedBase sharedBase, StemBank bank) => Create(input, sharedBase.Channels);

    /// <summary>The weights of the module in front of that base, as below, apart from those that the bank has.</summary>
    internal virtual Int128 CountWeights(InputSpec input, BaseSpec sharedBase, StemBank bank) => CountWeights(input, sharedBase.Channels);

    /// <summary>The weights of the module, apart from biases and normalisations; 0 where only the module knows.</summary>
    internal virtual Int128 CountWeights(InputSpec input, int channels) => 0;

    /// <summary>What is wrong with this projection for that input, and the cure; null when nothing is.</summary>
    internal virtual (string Problem, string Cure)? FindMistake(InputSpec input) => null;

    private protected static (string Problem, string Cure) WrongKind(string projection, InputSpec input, string cure) =>
        ($"{projection} does not take {input.Kind} input of shape {Shapes.Text(input.Shape)}.", cure);

    /// <inheritdoc/>
    public sealed override string ToString() => RecordText.Of(this);
}
