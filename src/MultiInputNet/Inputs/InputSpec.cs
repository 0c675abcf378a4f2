using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The declared shape of one named input. Created with <see cref="Inputs"/>.</summary>
/// <remarks>
/// A description, not a module: it can be compared, written to JSON and used for many models. Everything that is special about a kind of
/// input is in its spec; nothing else asks for the kind.
/// </remarks>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ImageInput), "image")]
[JsonDerivedType(typeof(SequenceInput), "sequence")]
[JsonDerivedType(typeof(TokenInput), "tokens")]
[JsonDerivedType(typeof(TabularInput), "tabular")]
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract record InputSpec
{
    private protected InputSpec()
    {
    }

    /// <summary>The shape of one sample, without the batch dimension.</summary>
    [JsonIgnore]
    public IReadOnlyList<long> Shape => SampleShape;

    /// <summary>One mean for each entry of the first dimension of <see cref="Shape"/>, subtracted before the projection.</summary>
    /// <value>Default: <see langword="null"/>, nothing is subtracted.</value>
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>
    /// One standard deviation for each entry of the first dimension of <see cref="Shape"/>, divided by before the projection.
    /// </summary>
    /// <value>Default: <see langword="null"/>, nothing is divided.</value>
    public IReadOnlyList<double>? StandardDeviation { get; init; }

    /// <summary>The kind in one word, as <see cref="MultiInputModel.Summary"/> prints it.</summary>
    [JsonIgnore]
    public string Kind => KindName;

    internal abstract ProjectionSpec DefaultProjection { get; }

    /// <summary>
    /// The type of a batch whose values are not numbers to compute with; null if they are, in the type of the model's weights.
    /// </summary>
    internal virtual ScalarType? BatchType => null;

    /// <summary>
    /// Whether a batch may have another floating-point type than the weights: its projection uses the values before they are converted.
    /// </summary>
    internal virtual bool TakesAnyFloat => false;

    /// <summary>Why samples cannot be mixed (<see cref="Training.TrainerOptions.MixupAlpha"/>); null if they can.</summary>
    internal virtual string? MixupMistake => null;

    /// <summary>What messages call an entry of the first dimension of <see cref="Shape"/>.</summary>
    internal virtual string ChannelWord => "feature";

    /// <summary>The entries of the first dimension of <see cref="Shape"/> that hold numbers, and what messages call each.</summary>
    internal virtual IEnumerable<(int Index, string Name)> NumericChannels =>
        Enumerable.Range(0, (int)Shape[0]).Select(index => (index, index.ToString(CultureInfo.InvariantCulture)));

    // Asked by projections to decide which inputs they take, whatever their kind.

    /// <summary>The number of channels, if a sample is a map, channels × height × width.</summary>
    internal virtual int? MapChannels => null;

    /// <summary>The number of steps, if a sample is a sequence: features × steps, or tokens.</summary>
    internal virtual int? SequenceLength => null;

    /// <summary>The number of different tokens, if a sample is a sequence of token numbers.</summary>
    internal virtual int? TokenCount => null;

    /// <summary>The columns, if a sample is a row of a table; fill values are in the unit of the standardised values.</summary>
    internal virtual (int Count, IReadOnlyList<TabularColumn>? Described)? TableColumns => null;

    private protected abstract IReadOnlyList<long> SampleShape { get; }

    private protected abstract string KindName { get; }

    /// <summary>What is wrong with the numbers of this description, and the cure; null if nothing is.</summary>
    internal virtual (string Problem, string Cure)? FindMistake()
    {
        if (Shape.Any(size => size is < 1 or > Limits.LargestSize))
            return ($"its shape is {Shapes.Text(Shape)}.", $"Give sizes of 1 to {Limits.LargestSize:N0}.");
        if (Shape.Aggregate((Int128)1, (product, size) => product * size) is var values && values > Limits.LargestSample)
            return ($"a sample of shape {Shapes.Text(Shape)} has {values:N0} values.", $"Give at most {Limits.LargestSample:N0}: cut it into tiles or make it smaller.");
        if ((Mean is null) != (StandardDeviation is null))
            return ("it has a mean without a standard deviation, or vice versa.", "Give both, or neither.");
        if (Mean is not null && (Mean.Count != Shape[0] || StandardDeviation!.Count != Shape[0]))
            return ($"it has {Mean.Count} means and {StandardDeviation!.Count} standard deviations for {Shape[0]} channels or features.",
                "Give one of each for each channel or feature.");
        if (Mean is not null && (Mean.Any(m => !float.IsFinite((float)m)) || StandardDeviation!.Any(d => !((float)d > 0 && float.IsFinite((float)d)))))
            return ("a mean is not finite, or a standard deviation is not a finite number above zero.",
                "Give finite means and positive deviations (1 for a channel or feature that never varies).");
        return null;
    }

    /// <summary>What is wrong with the values of a batch on the CPU, and the cure; null if nothing is.</summary>
    internal virtual (string Problem, string Cure)? FindMistake(Tensor batch) => null;

    /// <summary>The batch of one row of texts, for inputs with named columns.</summary>
    internal virtual Tensor EncodeRow(string subject, IReadOnlyDictionary<string, string?> row) => throw new MultiInputException(
        subject, ModelComponent.Input, $"a row of texts was given, but its kind is {KindName}.", $"Give numbers or a tensor of shape {Shapes.Text(Shape)}.");

    /// <summary>A batch of one sample, for inferring shapes.</summary>
    internal Tensor ZeroSample(Device device) => zeros([1, .. Shape], BatchType ?? ScalarType.Float32, device);

    /// <summary>A batch of different legal values on the CPU, the same every time: numbers up to two deviations from the mean.</summary>
    internal Tensor Example(int count)
    {
        using var scope = NewDisposeScope();

        // Multiples of an irrational number, without their whole part, are spread evenly over 0 to 1.
        var shares = (arange(count * Shape.Aggregate((product, size) => product * size), ScalarType.Float64) * 0.7548776662466927).frac().view([count, .. Shape]);
        return Example(shares).to(BatchType ?? ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>Legal values for numbers from 0 to 1.</summary>
    private protected virtual Tensor Example(Tensor shares)
    {
        Tensor Each(IReadOnlyList<double>? values, double otherwise) =>
            tensor(values?.ToArray() ?? [.. Enumerable.Repeat(otherwise, (int)Shape[0])]).view([-1, .. Enumerable.Repeat(1L, Shape.Count - 1)]);
        return (shares * 4 - 2) * Each(StandardDeviation, 1) + Each(Mean, 0);
    }

    /// <inheritdoc/>
    public sealed override string ToString() => RecordText.Of(this, GetType());
}
