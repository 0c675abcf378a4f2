using System.Globalization;

namespace MultiInputNet;

/// <summary>
/// The answer of a task for one sample: a class, labels or values, each with its own members. A member that the task does not have throws
/// an exception that names the right one.
/// </summary>
public sealed class Prediction
{
    /// <summary>The probability above which a label is present.</summary>
    internal const double Threshold = 0.5;

    private readonly IReadOnlyList<double> numbers;
    private readonly IReadOnlyList<string>? names;
    private readonly string? unit;

    private Prediction(string task, PredictionKind kind, IReadOnlyList<double> numbers, IReadOnlyList<string>? names, string? unit = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(numbers);
        if (numbers.Count == 0 || (names is not null && names.Count != numbers.Count))
            throw new ArgumentException($"Task '{task}' has {numbers.Count} outputs and {names?.Count ?? 0} names; give at least one output, and one name for each or none.");
        (Task, Kind, this.numbers, this.names, this.unit) = (task, kind, numbers, names, unit);
    }

    /// <summary>The task.</summary>
    public string Task { get; }

    /// <summary>What it is: a class, labels or values.</summary>
    public PredictionKind Kind { get; }

    /// <summary>The most probable class: its name, or its number if the classes have no names.</summary>
    /// <exception cref="MultiInputException">The task has no classes.</exception>
    public string ClassName => Name(ClassIndex);

    /// <summary>The number of the most probable class, from 0; the first of several that are equally probable.</summary>
    /// <exception cref="MultiInputException">The task has no classes.</exception>
    public int ClassIndex => Of(PredictionKind.Class).Index().MaxBy(output => output.Item).Index;

    /// <summary>The probability of the most probable class, from 0 to 1.</summary>
    /// <exception cref="MultiInputException">The task has no classes.</exception>
    public double Probability => Of(PredictionKind.Class)[ClassIndex];

    /// <summary>All classes from class 0, with their probabilities, which sum to 1.</summary>
    /// <exception cref="MultiInputException">The task has no classes.</exception>
    public IReadOnlyList<NamedProbability> Classes => Named(PredictionKind.Class);

    /// <summary>All labels from label 0, with their probabilities, each from 0 to 1.</summary>
    /// <exception cref="MultiInputException">The task has no labels.</exception>
    public IReadOnlyList<NamedProbability> Labels => Named(PredictionKind.Labels);

    /// <summary>The names of the labels that apply: those with a probability above one half.</summary>
    /// <exception cref="MultiInputException">The task has no labels.</exception>
    public IReadOnlyList<string> PresentLabels => [.. Labels.Where(label => label.Probability > Threshold).Select(label => label.Name)];

    /// <summary>The value, of a task that has one, in the unit of its training labels.</summary>
    /// <exception cref="MultiInputException">The task has no values, or several.</exception>
    public double Value => Of(PredictionKind.Values) is [var value] ? value : throw Wrong($"it has {numbers.Count} values.", nameof(Values));

    /// <summary>The values, in the unit of the training labels.</summary>
    /// <exception cref="MultiInputException">The task has no values.</exception>
    public IReadOnlyList<double> Values => Of(PredictionKind.Values);

    /// <summary>The names of the values; <see langword="null"/> if they have none.</summary>
    /// <exception cref="MultiInputException">The task has no values.</exception>
    public IReadOnlyList<string>? ValueNames => Of(PredictionKind.Values) is not null ? names : null;

    /// <summary>The unit of the values, such as <c>kg</c>; <see langword="null"/> if the model does not state one.</summary>
    /// <exception cref="MultiInputException">The task has no values.</exception>
    public string? Unit => Of(PredictionKind.Values) is not null ? unit : null;

    /// <summary>The answer of a task with classes.</summary>
    /// <param name="task">The task.</param>
    /// <param name="probabilities">The probability of each class.</param>
    /// <param name="classNames">The names of the classes; null if they have none.</param>
    /// <returns>The prediction.</returns>
    /// <exception cref="ArgumentException">There are no probabilities, or another number of names.</exception>
    public static Prediction OfClass(string task, IReadOnlyList<double> probabilities, IReadOnlyList<string>? classNames = null) =>
        new(task, PredictionKind.Class, probabilities, classNames);

    /// <summary>The answer of a task with labels.</summary>
    /// <param name="task">The task.</param>
    /// <param name="probabilities">The probability of each label.</param>
    /// <param name="labelNames">The names of the labels; null if they have none.</param>
    /// <returns>The prediction.</returns>
    /// <exception cref="ArgumentException">There are no probabilities, or another number of names.</exception>
    public static Prediction OfLabels(string task, IReadOnlyList<double> probabilities, IReadOnlyList<string>? labelNames = null) =>
        new(task, PredictionKind.Labels, probabilities, labelNames);

    /// <summary>The answer of a task with values.</summary>
    /// <param name="task">The task.</param>
    /// <param name="values">The values.</param>
    /// <param name="names">The names of the values; null if they have none.</param>
    /// <param name="unit">Their unit; null if none is known.</param>
    /// <returns>The prediction.</returns>
    /// <exception cref="ArgumentException">There are no values, or another number of names.</exception>
    public static Prediction OfValues(string task, IReadOnlyList<double> values, IReadOnlyList<string>? names = null, string? unit = null) =>
        new(task, PredictionKind.Values, values, names, unit);

    /// <summary>The most probable classes.</summary>
    /// <param name="count">How many, at least 1; all if there are fewer.</param>
    /// <returns>The classes, the most probable first.</returns>
    /// <exception cref="MultiInputException">The task has no classes.</exception>
    public IReadOnlyList<NamedProbability> Top(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return [.. Classes.OrderByDescending(candidate => candidate.Probability).Take(count)];
    }

    /// <summary>The answer in a few words, such as <c>setosa (0.981)</c> or <c>12.5 kg</c>.</summary>
    /// <returns>The text, in invariant culture.</returns>
    public override string ToString() => Kind switch
    {
        PredictionKind.Class => string.Create(CultureInfo.InvariantCulture, $"{ClassName} ({Probability:0.000})"),
        PredictionKind.Labels => PresentLabels is [_, ..] present ? string.Join(", ", present) : "no label",
        _ => string.Join(", ", numbers.Select((value, i) => string.Create(CultureInfo.InvariantCulture, $"{(names is null ? "" : $"{names[i]} ")}{value:G6}")))
            + (unit is null ? "" : $" {unit}"),
    };

    private string Name(int index) => names?[index] ?? index.ToString(CultureInfo.InvariantCulture);

    private NamedProbability[] Named(PredictionKind kind) => [.. Of(kind).Select((probability, i) => new NamedProbability(Name(i), probability))];

    private IReadOnlyList<double> Of(PredictionKind kind) => Kind == kind ? numbers : throw Wrong(
        $"its answer is not {(kind == PredictionKind.Class ? "a class" : kind == PredictionKind.Labels ? "labels" : "values")}.",
        Kind == PredictionKind.Class ? $"{nameof(ClassName)}, {nameof(Probability)} or {nameof(Classes)}"
            : Kind == PredictionKind.Labels ? $"{nameof(Labels)} or {nameof(PresentLabels)}"
            : numbers.Count == 1 ? $"{nameof(Value)}" : nameof(Values));

    private MultiInputException Wrong(string problem, string members) => new($"task '{Task}'", ModelComponent.Head, problem, $"Read {members} instead.");
}
