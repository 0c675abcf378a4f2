using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>A column of a <see cref="TabularInput"/>: numeric or categorical.</summary>
/// <param name="Name">Its name, in the header of a file and in rows to encode.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(NumericColumn), "numeric")]
[JsonDerivedType(typeof(CategoricalColumn), "categorical")]
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract record TabularColumn(string Name)
{
    /// <summary>The number of features that the projection makes of it.</summary>
    internal abstract int Width { get; }

    /// <summary>The number of weights that make these features.</summary>
    internal virtual long CountWeights() => 0;

    /// <summary>What is wrong with this column, and the cure; null if nothing is.</summary>
    internal abstract (string Problem, string Cure)? FindMistake();

    /// <inheritdoc/>
    public sealed override string ToString() => RecordText.Of(this, GetType());
}
