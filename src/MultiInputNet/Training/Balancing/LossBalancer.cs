using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// A method of balancing losses in one training, with the state that it carries from step to step. Created by
/// <see cref="LossBalancing.Create"/>; derive from it to add your own method.
/// </summary>
public abstract class LossBalancer : IDisposable
{
    private static readonly Dictionary<string, double> Whole = [];

    private Dictionary<string, double> shares = Whole;

    /// <summary>Creates the state.</summary>
    /// <param name="tasks">The names of all tasks, each once.</param>
    /// <exception cref="ArgumentException">There is no task, or a name occurs twice.</exception>
    protected LossBalancer(IReadOnlyList<string> tasks)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        if (tasks.Count == 0 || tasks.Distinct().Count() != tasks.Count)
            throw new ArgumentException($"The tasks are {Shapes.Names(tasks)}; give at least one, and each once.", nameof(tasks));
        Tasks = [.. tasks];
    }

    /// <summary>The names of all tasks.</summary>
    public IReadOnlyList<string> Tasks { get; }

    /// <summary>Parameters that the method learns by gradient: for the optimizer, as a separate group without weight decay.</summary>
    public virtual IReadOnlyList<Parameter> Parameters => [];

    /// <summary>
    /// The current factor of each task's loss; for methods that combine gradients, the factor of each task's gradient of the shared
    /// parameters in its last step, and 1 before that. For reports.
    /// </summary>
    public abstract IReadOnlyDictionary<string, double> Weights { get; }

    /// <summary>
    /// Adds to the gradients of all trained parameters, as <c>backward()</c> of a single loss would. Parameters that no loss reaches, and
    /// frozen ones, are left alone; so is whatever belongs to tasks that are not among the losses.
    /// </summary>
    /// <param name="losses">The scalar losses of the tasks of this step; several of one task are summed. Their graphs are consumed.</param>
    /// <param name="shared">
    /// The parameters that several tasks share, in the order of the forward pass, each once. Methods that change gradients change those of
    /// these parameters; all others get the plain gradients of their losses.
    /// </param>
    /// <param name="step">The step, from 0: random choices are pure functions of it.</param>
    /// <exception cref="MultiInputException">A loss belongs to a task that was not named at the beginning.</exception>
    public void Backward(IReadOnlyList<(string Task, Tensor Loss)> losses, IReadOnlyList<Parameter> shared, long step)
    {
        ArgumentNullException.ThrowIfNull(losses);
        ArgumentNullException.ThrowIfNull(shared);
        CheckTasks(losses.Select(loss => loss.Task));
        using var scope = NewDisposeScope();
        var sums = losses
            .GroupBy(loss => loss.Task, loss => loss.Loss)
            .Select(group => (Task: group.Key, Loss: group.Aggregate((sum, loss) => sum + loss)))
            .Where(loss => loss.Loss.requires_grad)
            .ToArray();
        if (sums.Length > 0)
            Descend(sums, [.. shared.Where(parameter => parameter.requires_grad)], step);
    }

    /// <summary><see cref="Backward"/> for one of several batches of a step, whose losses are fractions of those of the step.</summary>
    internal void BackwardPart(IReadOnlyList<(string Task, Tensor Loss, double Share)> losses, IReadOnlyList<Parameter> shared, long step)
    {
        shares = losses.GroupBy(loss => loss.Task, loss => loss.Share).ToDictionary(group => group.Key, group => group.Sum());
        try
        {
            Backward([.. losses.Select(loss => (loss.Task, loss.Loss * loss.Share))], shared, step);
        }
        finally
        {
            shares = Whole;
        }
    }

    /// <summary>Tells the method that an epoch is over.</summary>
    /// <param name="meanLosses">The mean training loss of each task that took part in it.</param>
    public virtual void EndEpoch(IReadOnlyDictionary<string, double> meanLosses)
    {
    }

    /// <summary>The complete state of the method, from which a training can resume exactly.</summary>
    /// <returns>New tensors by name, owned by the caller; empty if there is no state.</returns>
    public virtual IReadOnlyDictionary<string, Tensor> State() => new Dictionary<string, Tensor>();

    /// <summary>Restores what <see cref="State"/> returned.</summary>
    /// <param name="state">The tensors by name. They remain the caller's.</param>
    /// <exception cref="MultiInputException">They are not those of this method and these tasks.</exception>
    public virtual void Load(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Keys.FirstOrDefault() is { } name)
            throw WrongState($"'{name}' does not belong to this method.");
    }

    /// <summary>Frees the tensors that the method holds.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the tensors that the method holds.</summary>
    /// <param name="disposing">Whether it is called from <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Whether it may draw from torch's random generator, as a user's method may.</summary>
    internal virtual bool MayDraw => true;

    /// <summary>Does the work of <see cref="Backward"/>, inside a dispose scope.</summary>
    /// <param name="losses">One loss per task of this step that has a gradient, at least one.</param>
    /// <param name="shared">The shared parameters that are trained; there may be none.</param>
    /// <param name="step">The step, from 0.</param>
    protected abstract void Descend(IReadOnlyList<(string Task, Tensor Loss)> losses, IReadOnlyList<Parameter> shared, long step);

    /// <summary>The fraction of its task's loss in this step that the current loss of a task represents.</summary>
    private protected double ShareOf(string task) => shares.GetValueOrDefault(task, 1);

    private protected void CheckTasks(IEnumerable<string> tasks)
    {
        if (tasks.FirstOrDefault(task => !Tasks.Contains(task)) is { } unknown)
        {
            throw new MultiInputException(
                $"task '{unknown}'",
                ModelComponent.Training,
                "the loss balancing does not know this task.",
                $"Its tasks are {Shapes.Names(Tasks)}.");
        }
    }

    private protected static MultiInputException WrongState(string problem) => new(
        "state of the loss balancing", ModelComponent.Training, problem, "Resume with the method and the tasks with which the training began.");
}
