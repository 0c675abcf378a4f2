using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a task's output layer. Created with <see cref="Heads"/>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ClassificationSpec), "classification")]
[JsonDerivedType(typeof(MultiLabelSpec), "multi_label")]
[JsonDerivedType(typeof(RegressionSpec), "regression")]
[JsonDerivedType(typeof(CustomHeadSpec), "custom")]
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract record HeadSpec
{
    private protected HeadSpec()
    {
    }

    /// <summary>What a summary calls it.</summary>
    [JsonIgnore]
    internal abstract string Title { get; }

    /// <summary>How many classes there are that can be replaced; null for heads without.</summary>
    internal virtual int? ClassCount => null;

    /// <summary>What the classes are called; null where they have numbers only.</summary>
    internal virtual IReadOnlyList<string>? NamesOfClasses => null;

    /// <summary>What its outputs, one for each class, label or value, are called; null where they have numbers only.</summary>
    internal virtual IReadOnlyList<string>? OutputLabels => null;

    /// <summary>The unit of its values; null where none is stated.</summary>
    internal virtual string? OutputUnit => null;

    /// <summary>The same with other classes, for heads that have some.</summary>
    internal virtual HeadSpec WithClasses(IReadOnlyList<string> names) => throw new NotSupportedException(Title);

    /// <summary>The module: <c>(batch, features)</c> in, <c>(batch, outputs)</c> out.</summary>
    internal abstract nn.Module<Tensor, Tensor> Create(int features);

    /// <summary>The weights of the module, apart from biases and normalisations; 0 where only the module knows.</summary>
    internal virtual Int128 CountWeights(int features) => 0;

    /// <summary>What is wrong with the numbers of this description, and the cure; null when nothing is.</summary>
    internal abstract (string Problem, string Cure)? FindMistake();

    private protected static (string Problem, string Cure)? CountMistake(int count, string what) => count is < 1 or > Limits.LargestSize
        ? ($"it has {count} {what}.", $"Give from 1 to {Limits.LargestSize:N0}.")
        : null;

    private protected static (string Problem, string Cure)? NamesMistake(IReadOnlyList<string>? names, int count, string what, string several) =>
        names is null ? null
        : names.Count != count ? ($"it has {count} {several} and {names.Count} {what} names.", $"Give one name for each {what}, or none.")
        : names.Contains(null!) ? ($"one of its {what} names is null.", $"Give one name for each {what}, or none.")
        : null;

    /// <inheritdoc/>
    public sealed override string ToString() => RecordText.Of(this, GetType());
}
