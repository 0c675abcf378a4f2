namespace MultiInputNet.Insights;

/// <summary>How similar the layers of a model are, within an input and between inputs. See <see cref="Insight.LayerSimilarity"/>.</summary>
public sealed class LayerSimilarities
{
    /// <summary>The layers of each input, compared with each other.</summary>
    public required IReadOnlyList<InputLayers> Inputs { get; init; }

    /// <summary>Each two inputs of one base, compared layer by layer.</summary>
    public required IReadOnlyList<InputPair> Pairs { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}

/// <summary>The layers of an input, compared with each other.</summary>
public sealed class InputLayers
{
    /// <summary>The input.</summary>
    public required string Input { get; init; }

    /// <summary>The layers: <c>projection</c>, then the stages of the base by name.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    /// <summary>
    /// The linear CKA (<see cref="Insight.LinearCka"/>) of each layer with each, over the same samples; NaN for a layer that is the same
    /// for
    /// all samples.
    /// </summary>
    public required IReadOnlyList<IReadOnlyList<double>> Cka { get; init; }

    /// <summary>The number of samples.</summary>
    public required long Samples { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}

/// <summary>Two inputs of one base, compared layer by layer.</summary>
public sealed class InputPair
{
    /// <summary>The first input.</summary>
    public required string First { get; init; }

    /// <summary>The second input.</summary>
    public required string Second { get; init; }

    /// <summary>The layers: <c>projection</c>, then the stages of the base by name.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    /// <summary>
    /// The linear CKA of each layer (<see cref="Insight.LinearCka"/>) over the samples that sources have of both inputs, row by row.
    /// </summary>
    /// <value>Null if no source has both: samples of unrelated things are no pairs, and CKA says nothing about them.</value>
    public IReadOnlyList<double>? Cka { get; init; }

    /// <summary>The number of pairs of samples; 0 if no source has both inputs.</summary>
    public required long PairedSamples { get; init; }

    /// <summary>
    /// How similarly the features of both inputs spread at each layer (<see cref="Insight.CovarianceSimilarity"/>), for which their samples
    /// need not be pairs. NaN where a layer has different channels for the two, as projections that are stems may.
    /// </summary>
    public required IReadOnlyList<double> Covariance { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
