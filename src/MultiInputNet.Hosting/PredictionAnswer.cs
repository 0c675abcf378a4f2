namespace MultiInputNet.Hosting;

/// <summary>A prediction as it is sent: of the properties, those of its kind are there.</summary>
/// <param name="Task">The task.</param>
/// <param name="Kind">What it is: class, labels or values.</param>
internal sealed record PredictionAnswer(string Task, string Kind)
{
    /// <summary>The most probable class.</summary>
    public string? Class { get; init; }

    /// <summary>Its number, from 0.</summary>
    public int? ClassIndex { get; init; }

    /// <summary>Its probability.</summary>
    public double? Probability { get; init; }

    /// <summary>All classes in their order; or the most probable ones, most probable first.</summary>
    public IReadOnlyList<NamedProbability>? Classes { get; init; }

    /// <summary>All labels in their order; or the most probable ones, most probable first.</summary>
    public IReadOnlyList<NamedProbability>? Labels { get; init; }

    /// <summary>The labels with a probability above 0.5.</summary>
    public IReadOnlyList<string>? PresentLabels { get; init; }

    /// <summary>The values.</summary>
    public IReadOnlyList<double>? Values { get; init; }

    /// <summary>The names of the values, if they have any.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>The unit of the values, if it is known.</summary>
    public string? Unit { get; init; }

    /// <summary>A prediction as it is sent.</summary>
    /// <param name="prediction">The prediction.</param>
    /// <param name="top">How many classes or labels, most probable first; all in their order when null.</param>
    public static PredictionAnswer Of(Prediction prediction, int? top = null) => prediction.Kind switch
    {
        PredictionKind.Class => new(prediction.Task, "class")
        {
            Class = prediction.ClassName,
            ClassIndex = prediction.ClassIndex,
            Probability = Finite(prediction, prediction.Probability),
            Classes = Most(prediction, prediction.Classes, top),
        },
        PredictionKind.Labels => new(prediction.Task, "labels")
        {
            Labels = Most(prediction, prediction.Labels, top),
            PresentLabels = prediction.PresentLabels,
        },
        _ => new(prediction.Task, "values")
        {
            Values = [.. prediction.Values.Select(value => Finite(prediction, value))],
            Names = prediction.ValueNames,
            Unit = prediction.Unit,
        },
    };

    private static IReadOnlyList<NamedProbability> Most(Prediction prediction, IReadOnlyList<NamedProbability> all, int? top)
    {
        foreach (var named in all)
            Finite(prediction, named.Probability);
        return top is { } count ? [.. all.OrderByDescending(named => named.Probability).Take(count)] : all;
    }

    // JSON has no other numbers.
    private static double Finite(Prediction prediction, double value) => double.IsFinite(value) ? value : throw RequestException.Invalid(
        $"The model's answer of task '{prediction.Task}' is not a finite number: the input's values are probably far from those that it was trained on.");
}
