namespace MultiInputNet.Insights;

/// <summary>The gradients that tasks put on the bases of a model. See <see cref="Insight.GradientConflict"/>.</summary>
public sealed class TaskGradients
{
    /// <summary>The tasks that had labels, in the order of the model's description.</summary>
    public required IReadOnlyList<string> Tasks { get; init; }

    /// <summary>
    /// The cosine of the angle between the gradients of each two tasks, in the order of <see cref="Tasks"/>: -1 where they pull in opposite
    /// directions, 0 where neither helps nor hurts the other, 1 where they pull in the same. Over the parameters of the bases that both go
    /// through; NaN where they have none in common, or where one of the two has no gradient there.
    /// </summary>
    public required IReadOnlyList<IReadOnlyList<double>> Cosines { get; init; }

    /// <summary>
    /// The share of the batches in which the gradients of each two tasks opposed each other, their cosine below 0; NaN where no batch had a
    /// cosine. What opposes over all batches but only in half of them is hardly more than noise.
    /// </summary>
    public required IReadOnlyList<IReadOnlyList<double>> OpposedShares { get; init; }

    /// <summary>
    /// The norm of each task's gradient on all base parameters, by its name; 0 if the task does not reach a base. A task whose norm is
    /// many times that of another one decides where the base goes.
    /// </summary>
    public required IReadOnlyDictionary<string, double> Norms { get; init; }

    /// <summary>
    /// The norm of the gradient that reaches the base through each input, of the losses of all tasks that read it, by the input's name.
    /// 0 for an input that does not move the base.
    /// </summary>
    public required IReadOnlyDictionary<string, double> InputNorms { get; init; }

    /// <summary>The mean loss of each task over the labels of all batches, by its name.</summary>
    public required IReadOnlyDictionary<string, double> Losses { get; init; }

    /// <summary>The number of batches of each source.</summary>
    public required int Batches { get; init; }

    /// <summary>The cosine between the gradients of two tasks.</summary>
    /// <param name="task">A task.</param>
    /// <param name="other">Another task.</param>
    /// <returns>The cosine, as in <see cref="Cosines"/>.</returns>
    /// <exception cref="ArgumentException">A task is not among <see cref="Tasks"/>.</exception>
    public double Cosine(string task, string other) => Cosines[IndexOf(task, nameof(task))][IndexOf(other, nameof(other))];

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());

    private int IndexOf(string task, string parameter)
    {
        ArgumentNullException.ThrowIfNull(task, parameter);
        return Tasks.Index().Where(its => its.Item == task).Select(its => its.Index).FirstOrDefault(-1) is >= 0 and var index
            ? index
            : throw new ArgumentException($"Task '{task}' has no gradient here; those that have are {Shapes.Names(Tasks)}.", parameter);
    }
}
