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
            Probability = prediction.Probability,
            Classes = top is { } count ? prediction.Top(count) : prediction.Classes,
        },
        PredictionKind.Labels => new(prediction.Task, "labels")
        {
            Labels = top is { } count ? [.. prediction.Labels.OrderByDescending(label => label.Probability).Take(count)] : prediction.Labels,
            PresentLabels = prediction.PresentLabels,
        },
        _ => new(prediction.Task, "values")
        {
            Values = prediction.Values,
            Names = prediction.ValueNames,
            Unit = prediction.Unit,
        },
    };
}
