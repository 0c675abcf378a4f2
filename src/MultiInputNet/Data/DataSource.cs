using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Samples, numbered from 0: with labels for training or evaluation, or without for prediction. The labels are in memory; the samples are
/// read when they are needed. Derive from this class to bring your own data.
/// </summary>
public abstract class DataSource
{
    /// <summary>Creates a source of labelled samples.</summary>
    /// <param name="name">Its name, used in messages and to derive its order of samples.</param>
    /// <param name="inputNames">The inputs that it has samples of.</param>
    /// <param name="targets">The labels of each task by its name, one per sample along the first dimension.</param>
    /// <exception cref="ArgumentException">
    /// There is no input or task, or there are no labels, or the tasks have different numbers of them.
    /// </exception>
    protected DataSource(string name, IReadOnlyList<string> inputNames, IReadOnlyDictionary<string, Tensor> targets)
        : this(name, inputNames, CountOf(name, targets), targets)
    {
    }

    /// <summary>Creates a source that may be without labels.</summary>
    /// <param name="name">Its name, used in messages and to derive its order of samples.</param>
    /// <param name="inputNames">The inputs that it has samples of.</param>
    /// <param name="count">The number of samples, at least 1.</param>
    /// <param name="targets">The labels of each task by its name, one per sample along the first dimension; none when null or empty.</param>
    /// <exception cref="ArgumentException">There is no input or no sample, or a task has another number of labels.</exception>
    protected DataSource(string name, IReadOnlyList<string> inputNames, long count, IReadOnlyDictionary<string, Tensor>? targets = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(inputNames);
        if (inputNames.Count == 0)
            throw new ArgumentException($"Source '{name}' has no input; give at least one.");
        Name = name;
        InputNames = [.. inputNames];
        Targets = new Dictionary<string, Tensor>(targets ?? new Dictionary<string, Tensor>());
        Count = count;
        foreach (var (task, labels) in Targets)
            CheckCount(task, labels);
        if (count < 1)
            throw new ArgumentException($"Source '{name}' has {count} samples; give at least one.");
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>How many samples it has.</summary>
    public long Count { get; }

    /// <summary>The inputs that it has samples of.</summary>
    public IReadOnlyList<string> InputNames { get; }

    /// <summary>The labels of each task by its name; empty if there are none.</summary>
    public IReadOnlyDictionary<string, Tensor> Targets { get; }

    /// <summary>Samples of this source per training step.</summary>
    /// <value>Default: <see langword="null"/>, the trainer's batch size.</value>
    public int? BatchSize { get; init; }

    /// <summary>
    /// Augments each training batch of an input: takes the input's name and the batch, returns a batch of the same shape. Draw
    /// randomness from torch on the calling thread, so that the trainer's seed controls it.
    /// </summary>
    /// <value>Default: <see langword="null"/>, samples are used unchanged.</value>
    public Func<string, Tensor, Tensor>? Augment { get; init; }

    /// <summary>The samples that could not be read so far and were skipped.</summary>
    /// <value>Empty if the source does not skip anything.</value>
    public virtual IReadOnlyList<BrokenSample> Broken => [];

    /// <summary>Whether <see cref="Read"/> takes so little time that reading ahead on another thread gains nothing.</summary>
    public virtual bool IsInMemory => false;

    /// <summary>Reads samples. It is called from several threads at once and must return the same for the same rows.</summary>
    /// <param name="rows">The numbers of the samples, from 0 to <see cref="Count"/> - 1.</param>
    /// <returns>New tensors, owned by the caller.</returns>
    public abstract InputBatch Read(IReadOnlyList<long> rows);

    /// <summary>What a sample is called where people look it up: its file, and the line if it is one row of many.</summary>
    /// <param name="row">The number of the sample, from 0 to <see cref="Count"/> - 1.</param>
    /// <returns>The name, such as <c>photos/cat/1.jpg</c> or <c>iris.csv, line 5</c>; for samples of no file <c>sample 3</c>.</returns>
    public virtual string NameOf(long row) => FormattableString.Invariant($"sample {row}");

    /// <summary>Some of the samples as a new source.</summary>
    /// <param name="rows">The numbers of the samples, from 0 to <see cref="Count"/> - 1.</param>
    /// <returns>The source. It reads through this one, under the same name.</returns>
    /// <exception cref="ArgumentException">There are no rows, or one is not the number of a sample.</exception>
    public DataSource Subset(IReadOnlyList<long> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Count == 0 || rows.Any(row => row < 0 || row >= Count))
            throw new ArgumentException($"Source '{Name}' has samples 0 to {Count - 1}: give at least one of them, and no others.", nameof(rows));
        return new SubsetSource(this, rows);
    }

    /// <summary>Holds out samples for validation, at random, and the same share of every class as nearly as whole samples allow.</summary>
    /// <param name="validationShare">The share to hold out, above 0 and below 1.</param>
    /// <param name="seed">Determines which: the same seed holds out the same samples.</param>
    /// <returns>The samples to train on and those held out, each in the order of this source.</returns>
    /// <remarks>
    /// The classes are those of the first task whose labels are class numbers; without one, all samples count as one class. The
    /// number of samples held out is the share of all, rounded, and that of each class its share, rounded up or down; but every class
    /// keeps one to train on, and a class with a single sample is not held out.
    /// </remarks>
    /// <exception cref="ArgumentException">The share is out of range, or leaves one of the two parts without a sample.</exception>
    public (DataSource Training, DataSource Validation) Split(double validationShare, long seed = 0)
    {
        if (validationShare is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(validationShare), validationShare, "Give a share above 0 and below 1.");
        using var scope = NewDisposeScope();
        var classes = Targets.Values.FirstOrDefault(labels => labels.dim() == 1 && labels.dtype == ScalarType.Int64)?.Numbers<long>();
        var shuffled = new BatchOrder(seed, Name, Count, checked((int)Count)).At(0).ToArray();
        var rows = shuffled.GroupBy(row => classes?[row] ?? 0).Select(group => group.ToArray()).ToArray();
        var held = rows.Zip(SplitCounts.Of([.. rows.Select(group => group.Length)], validationShare), (group, count) => group.Take(count)).SelectMany(row => row).ToHashSet();
        var (training, validation) = (shuffled.Where(row => !held.Contains(row)).Order().ToArray(), held.Order().ToArray());
        if (training.Length == 0 || validation.Length == 0)
            throw new ArgumentException($"Of the {Count} samples of source '{Name}', {validation.Length} would be held out by a share of {validationShare}, and each part needs at least one.", nameof(validationShare));
        return (Subset(training), Subset(validation));
    }

    /// <summary>Why samples are broken, for the end of a message; empty if none are known to be.</summary>
    internal string WhyBroken => Broken is [var first, ..] ? $" The first of {Broken.Count:N0}: {first.Place}: {first.Problem}" : "";

    /// <summary>Throws if a tensor is null or was disposed of.</summary>
    internal void CheckThere(string key, Tensor tensor) => CheckThere(Name, key, tensor);

    private static void CheckThere(string name, string key, Tensor tensor)
    {
        if (tensor is null || tensor.IsInvalid)
            throw new ArgumentException($"Source '{name}': the tensor of '{key}' {(tensor is null ? "is null" : "was disposed of")}; give one that exists.");
    }

    /// <summary>The number of samples of a tensor: the length of its first dimension.</summary>
    private protected static long CountOf(string name, IReadOnlyDictionary<string, Tensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var (key, first) = tensors.FirstOrDefault();
        if (key is null)
            throw new ArgumentException($"Source '{name}' has no tensors to count its samples by; give at least one.");
        CheckThere(name, key, first);
        return first.shape.FirstOrDefault();
    }

    /// <summary>Throws unless a tensor holds one entry per sample.</summary>
    private protected void CheckCount(string key, Tensor tensor)
    {
        CheckThere(key, tensor);
        if (tensor.shape.FirstOrDefault() != Count || Count == 0)
        {
            throw new ArgumentException(
                $"Source '{Name}': '{key}' has shape {Shapes.Text(tensor.shape)}, but there should be {Count} samples; every tensor holds the same samples along its first dimension, at least one.");
        }
    }
}
