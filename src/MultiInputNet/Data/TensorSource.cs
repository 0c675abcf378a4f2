using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Labelled samples in memory: a tensor for each input and each task, the samples along their first dimension. The tensors
/// stay the caller's to dispose.
/// </summary>
public sealed class TensorSource
{
    /// <summary>Creates a source of one input for one task.</summary>
    /// <param name="name">The name of both the input and the task, and of the source.</param>
    /// <param name="input">The samples.</param>
    /// <param name="target">The labels, in the form that the task's head documents.</param>
    /// <exception cref="ArgumentException">The tensors hold no samples, or not equally many.</exception>
    public TensorSource(string name, Tensor input, Tensor target)
        : this(name, new Dictionary<string, Tensor> { [name] = input }, new Dictionary<string, Tensor> { [name] = target })
    {
    }

    /// <summary>Creates a source of several inputs or tasks.</summary>
    /// <param name="name">Its name, for messages and for its own order of samples.</param>
    /// <param name="inputs">The samples of each input by its name.</param>
    /// <param name="targets">The labels of each task by its name.</param>
    /// <exception cref="ArgumentException">There is no input or task, or the tensors hold no samples, or not equally many.</exception>
    public TensorSource(string name, IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyDictionary<string, Tensor> targets)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(targets);
        if (inputs.Count == 0 || targets.Count == 0)
            throw new ArgumentException($"Source '{name}' has {inputs.Count} inputs and {targets.Count} tasks; give at least one of each.");
        Name = name;
        Inputs = new Dictionary<string, Tensor>(inputs);
        Targets = new Dictionary<string, Tensor>(targets);
        Count = inputs.Values.First().shape.FirstOrDefault();
        foreach (var (key, tensor) in Inputs.Concat(Targets))
        {
            if (tensor.shape.FirstOrDefault() != Count || Count == 0)
            {
                throw new ArgumentException(
                    $"Source '{name}': '{key}' has shape {Shapes.Text(tensor.shape)}, and {Count} samples are due; every tensor holds the same samples along its first dimension, at least one.");
            }
        }
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>How many samples it has.</summary>
    public long Count { get; }

    /// <summary>The samples of each input by its name.</summary>
    public IReadOnlyDictionary<string, Tensor> Inputs { get; }

    /// <summary>The labels of each task by its name.</summary>
    public IReadOnlyDictionary<string, Tensor> Targets { get; }

    /// <summary>Samples of this source in each training step.</summary>
    /// <value>Default: <see langword="null"/>, the trainer's batch size.</value>
    public int? BatchSize { get; init; }

    /// <summary>
    /// Changes each training batch of an input: the input's name and the batch in, a batch of the same shape out. Draw
    /// randomness from torch, so that the trainer's seed governs it.
    /// </summary>
    /// <value>Default: <see langword="null"/>, samples are used as they are.</value>
    public Func<string, Tensor, Tensor>? Augment { get; init; }
}
