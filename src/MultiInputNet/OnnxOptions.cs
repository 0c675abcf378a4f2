using System.Diagnostics.CodeAnalysis;

namespace MultiInputNet.Onnx;

/// <summary>What of a model becomes an ONNX graph, and how.</summary>
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public sealed record OnnxOptions
{
    /// <summary>The tasks. Only their inputs are in the graph.</summary>
    /// <value>Default: <see langword="null"/>, all tasks.</value>
    public IReadOnlyCollection<string>? Tasks { get; init; }

    /// <summary>Whether the graph standardises its inputs (<see cref="InputSpec.Mean"/>) as the model does, or expects standardised ones.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool Standardize { get; init; } = true;

    /// <summary>
    /// Whether outputs are the results of the heads' <c>forward</c>, such as logits, and not the probabilities and values of a
    /// <see cref="Prediction"/>.
    /// </summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool RawOutputs { get; init; }

    /// <summary>Whether images may have any height and width. Where a module needs a fixed size, it is an error.</summary>
    /// <value>Default: <see langword="false"/>, the sizes of the description.</value>
    public bool DynamicSize { get; init; }

    /// <summary>
    /// Whether tables with categories take these as text. Such a table is then given column by column, as inputs <c>INPUT.COLUMN</c> of shape
    /// <c>(batch, 1)</c>: categorical columns as strings, compared as they are and 0 if unknown, numeric ones in single precision.
    /// </summary>
    /// <value>Default: <see langword="false"/>: one input with the numbers that <c>TabularInput.Encode</c> gives.</value>
    public bool CategoriesAsText { get; init; }

    /// <summary>Exporters of modules that do not implement <see cref="IOnnxModule"/>, by their type.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyDictionary<Type, OnnxExporter> Exporters { get; init; } = new Dictionary<Type, OnnxExporter>();

    /// <summary>
    /// Whether <c>ExportOnnx</c> runs the graph in ONNX Runtime on a few samples first, and writes nothing if the outputs differ from the
    /// model's by more than a thousandth of the largest.
    /// </summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool Verify { get; init; } = true;

    /// <summary>The columns of an input that is given column by column; null for others.</summary>
    internal IReadOnlyList<TabularColumn>? ColumnsOf(InputSpec spec) =>
        CategoriesAsText && spec.TableColumns?.Described is { } columns && columns.Any(column => column is CategoricalColumn) ? columns : null;

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
