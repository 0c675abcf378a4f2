namespace MultiInputNet.Insights;

/// <summary>What a measurement suggests to do. See <see cref="Insight.Advise"/>.</summary>
public sealed class Advice
{
    /// <summary>What it is about.</summary>
    public required AdviceKind Kind { get; init; }

    /// <summary>The task, input or source, such as <c>input 'photo'</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>What was measured, with its numbers, in a sentence.</summary>
    public required string Measured { get; init; }

    /// <summary>What to do about it, in a sentence or two.</summary>
    public required string ToDo { get; init; }

    /// <summary>The measured numbers by name; empty where there are none.</summary>
    /// <value>Default: empty.</value>
    public IReadOnlyDictionary<string, double> Numbers { get; init; } = new Dictionary<string, double>();

    /// <summary>What was measured and what to do.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{char.ToUpperInvariant(Subject[0])}{Subject[1..]}: {Measured} {ToDo}";
}

/// <summary>What an <see cref="Advice"/> is about.</summary>
public enum AdviceKind
{
    /// <summary>The gradients of two tasks oppose each other on the base.</summary>
    OpposedTasks,

    /// <summary>An input does not move the base, or the base does not tell its samples apart.</summary>
    IdleInput,

    /// <summary>A task's validation loss rises while its training loss falls.</summary>
    Overtrained,

    /// <summary>Values are normalised twice.</summary>
    DoubledNormalization,

    /// <summary>Pixels of 0 to 255 go in as they are.</summary>
    RawPixels,

    /// <summary>Nearly every row of a column has a value of its own.</summary>
    NearlyUniqueColumn,

    /// <summary>The classes are numbers in order.</summary>
    NumericClasses,

    /// <summary>The base seems to be too small for its tasks.</summary>
    SmallBase,

    /// <summary>What a training notices in the data by itself (<see cref="Training.TrainingHistory.Warnings"/>).</summary>
    Data,
}
