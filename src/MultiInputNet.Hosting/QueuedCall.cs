using static TorchSharp.torch;

namespace MultiInputNet.Hosting;

/// <summary>Samples that wait for the model, and the promise of their answers.</summary>
/// <param name="inputs">A batch for each input.</param>
/// <param name="tasks">The tasks to answer; all that the inputs allow when null.</param>
/// <param name="samples">The number of samples.</param>
/// <param name="joins">Whether others may go through the model together with them.</param>
internal sealed class QueuedCall(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks, int samples, bool joins)
{
    // Equal for calls whose batches can be concatenated. Types matter: concatenation would convert one to the other.
    private readonly string? kind = joins
        ? $"{string.Join('\n', inputs.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}\t{pair.Value.dtype}\t{string.Join(',', pair.Value.shape.Skip(1))}\t{pair.Value.device}"))}"
            + (tasks is null ? "" : $"\n\n{string.Join('\n', tasks.Order(StringComparer.Ordinal))}")
        : null;

    public IReadOnlyDictionary<string, Tensor> Inputs => inputs;

    public IReadOnlyCollection<string>? Tasks => tasks;

    public int Samples => samples;

    public LinkedListNode<QueuedCall> Node => field ??= new(this);

    public TaskCompletionSource<IReadOnlyDictionary<string, IReadOnlyList<Prediction>>> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether it goes through the model together with another call.</summary>
    public bool Joins(QueuedCall other) => kind is not null && kind == other.kind;
}
