using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Samples in memory, with or without labels: a tensor per input and per task, with the samples along the first dimension. The tensors
/// remain the caller's to dispose.
/// </summary>
public sealed class TensorSource : DataSource
{
    /// <summary>Creates a source of one input for one task.</summary>
    /// <param name="name">The name of both the input and the task, and of the source.</param>
    /// <param name="input">The samples.</param>
    /// <param name="target">The labels, in the form that the task's head documents.</param>
    /// <exception cref="ArgumentException">The tensors hold no samples, or different numbers of them.</exception>
    public TensorSource(string name, Tensor input, Tensor target)
        : this(name, new Dictionary<string, Tensor> { [name] = input }, new Dictionary<string, Tensor> { [name] = target })
    {
    }

    /// <summary>Creates a source of one input without labels.</summary>
    /// <param name="name">The name of the input and of the source.</param>
    /// <param name="input">The samples.</param>
    /// <exception cref="ArgumentException">The tensor holds no samples.</exception>
    public TensorSource(string name, Tensor input)
        : this(name, new Dictionary<string, Tensor> { [name] = input }, new Dictionary<string, Tensor>())
    {
    }

    /// <summary>Creates a source of several inputs or tasks.</summary>
    /// <param name="name">Its name, used in messages and to derive its order of samples.</param>
    /// <param name="inputs">The samples of each input by its name.</param>
    /// <param name="targets">The labels of each task by its name; empty if there are none.</param>
    /// <exception cref="ArgumentException">There is no input, or the tensors hold no samples, or different numbers of them.</exception>
    public TensorSource(string name, IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyDictionary<string, Tensor> targets)
        : base(name, [.. inputs?.Keys ?? throw new ArgumentNullException(nameof(inputs))], CountOf(name, targets is { Count: 0 } ? inputs : targets), targets)
    {
        Inputs = new Dictionary<string, Tensor>(inputs);
        foreach (var (input, samples) in Inputs)
            CheckCount(input, samples);
    }

    /// <summary>The samples of each input by its name.</summary>
    public IReadOnlyDictionary<string, Tensor> Inputs { get; }

    /// <inheritdoc/>
    public override bool IsInMemory => true;

    /// <inheritdoc/>
    public override InputBatch Read(IReadOnlyList<long> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Any(row => row < 0 || row >= Count))
            throw new ArgumentOutOfRangeException(nameof(rows), $"Source '{Name}' has samples 0 to {Count - 1}.");
        foreach (var (input, samples) in Inputs)
            CheckThere(input, samples);
        using var scope = NewDisposeScope();
        var chosen = tensor(rows.ToArray());
        return new(rows, Inputs.ToDictionary(pair => pair.Key, pair => pair.Value.index_select(0, chosen.to(pair.Value.device)).MoveToOuterDisposeScope()));
    }
}
