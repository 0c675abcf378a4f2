using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <summary>A task's results trained together with the others, and alone. See <see cref="Insight.JointAgainstAlone"/>.</summary>
public sealed class JointComparison
{
    /// <summary>The task.</summary>
    public required string Task { get; init; }

    /// <summary>Its evaluation by the model of all tasks.</summary>
    public required TaskEvaluation Joint { get; init; }

    /// <summary>Its evaluation by a model of its own.</summary>
    public required TaskEvaluation Alone { get; init; }

    /// <summary>The training of the model of its own.</summary>
    public required TrainingHistory AloneTraining { get; init; }

    /// <summary>
    /// How much better it is together: the difference of the scores (<see cref="TaskEvaluation.Score"/>), which are unit-free; below 0
    /// where
    /// it is better alone.
    /// </summary>
    public double Gain => Joint.Score - Alone.Score;

    /// <summary>
    /// The standard error of <see cref="Gain"/> that follows from the number of validation samples, if the score is an accuracy; trainings
    /// with other seeds differ besides. NaN for other scores.
    /// </summary>
    public double StandardError
    {
        get
        {
            return Joint.Primary == "accuracy" && Alone.Primary == "accuracy" ? Math.Sqrt(Variance(Joint) + Variance(Alone)) : double.NaN;

            static double Variance(TaskEvaluation its) => its.Score * (1 - its.Score) / its.Count;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}

/// <summary>Where a comparison of trainings stands after a step of one of them.</summary>
public sealed class JointProgress
{
    /// <summary>The task that is trained alone; null for the training of all together.</summary>
    public string? Task { get; init; }

    /// <summary>The training, from 1.</summary>
    public required int Training { get; init; }

    /// <summary>All trainings.</summary>
    public required int Trainings { get; init; }

    /// <summary>Where that training stands.</summary>
    public required TrainingProgress Progress { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
