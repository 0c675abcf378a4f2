using System.Diagnostics;
using static TorchSharp.torch;

namespace MultiInputNet.Hosting;

/// <summary>
/// Dynamic batching: samples of concurrent callers that have the same inputs and ask for the same tasks go through the model together.
/// Safe for any number of threads.
/// </summary>
/// <remarks>
/// <para>While the model computes, samples wait in a queue; the next batch is the oldest of them with all that fit to it. One batch is
/// computed at a time, with all of libtorch's threads.</para>
/// <para>Callers do not affect each other: values are encoded before they are queued, and if a joined batch fails, each call is computed
/// alone. The answers are those of the model, except for rounding, which may differ between batch sizes.</para>
/// </remarks>
public sealed class BatchingPredictor : IPredictor, IAsyncDisposable
{
    private readonly IPredictor predictor;
    private readonly BatchingOptions options;
    private readonly LinkedList<QueuedCall> queue = [];
    private readonly object gate = new();
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int queuedSamples;
    private bool stopping;

    // The calls that were there at once when the last batch was done: those of the batch, and those that waited.
    private int recentCalls;

    // The length of the queue at which the thread goes on: to wake it for each call would cost as much as to compute it.
    private int wanted;

    /// <summary>Starts the thread that computes batches.</summary>
    /// <param name="predictor">What answers. It is disposed of together with this object, after the last batch.</param>
    /// <param name="options">Sizes and times; defaults when null.</param>
    public BatchingPredictor(IPredictor predictor, BatchingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        this.predictor = predictor;
        this.options = options ?? new();
        new Thread(Run) { IsBackground = true, Name = nameof(BatchingPredictor) }.Start();
    }

    /// <inheritdoc/>
    public ModelDescription Description => predictor.Description;

    /// <inheritdoc/>
    public int BatchSize => options.LargestBatch;

    /// <summary>The samples that wait for the model now.</summary>
    public int QueueLength
    {
        get
        {
            lock (gate)
                return queuedSamples;
        }
    }

    /// <summary>Called after each batch with its samples and the time that it took.</summary>
    internal Action<int, TimeSpan>? BatchDone { get; set; }

    /// <summary>Answers one task that reads one input.</summary>
    /// <param name="task">The task.</param>
    /// <param name="sample">The sample of its input.</param>
    /// <param name="cancellationToken">As for <see cref="PredictBatchAsync"/>.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="MultiInputException">The task does not exist, or the sample does not fit.</exception>
    /// <exception cref="QueueFullException">Too many samples wait.</exception>
    public async Task<Prediction> PredictAsync(string task, InputValue sample, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(sample);
        var samples = new Dictionary<string, InputValue> { [SingleInput(task)] = sample };
        return (await PredictTasksAsync(samples, [task], cancellationToken).ConfigureAwait(false))[task];
    }

    /// <summary>Answers tasks of any number of inputs.</summary>
    /// <param name="sample">The sample of each input by name.</param>
    /// <param name="tasks">The tasks; all that the inputs allow when null.</param>
    /// <param name="cancellationToken">As for <see cref="PredictBatchAsync"/>.</param>
    /// <returns>The answer of each task by its name.</returns>
    /// <exception cref="MultiInputException">The sample does not fit, or a task cannot be answered with these inputs.</exception>
    /// <exception cref="QueueFullException">Too many samples wait.</exception>
    public async Task<IReadOnlyDictionary<string, Prediction>> PredictTasksAsync(
        IReadOnlyDictionary<string, InputValue> sample, IReadOnlyCollection<string>? tasks = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sample);
        using var encoded = EncodedSamples.Of(Description, [sample]);
        var answers = await PredictBatchAsync(encoded.Inputs, tasks, cancellationToken).ConfigureAwait(false);
        return answers.ToDictionary(pair => pair.Key, pair => pair.Value[0]);
    }

    /// <summary>Answers samples that are encoded already.</summary>
    /// <param name="inputs">A batch for each input by its name. They must not be changed or disposed of before the task is done.</param>
    /// <param name="tasks">The tasks; all that the inputs allow when null.</param>
    /// <param name="cancellationToken">
    /// Takes the samples out of the queue. Those that the model computes already are computed to the end.
    /// </param>
    /// <returns>For each task by its name, an answer for each sample.</returns>
    /// <exception cref="MultiInputException">A name or a batch does not fit.</exception>
    /// <exception cref="QueueFullException">Too many samples wait.</exception>
    /// <exception cref="ObjectDisposedException">The predictor was disposed of.</exception>
    public async Task<IReadOnlyDictionary<string, IReadOnlyList<Prediction>>> PredictBatchAsync(
        IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (AsOneCall(inputs, tasks, out var samples) is { } whole)
            return await Enqueue([whole], cancellationToken)[0].ConfigureAwait(false);

        var parts = new List<QueuedCall>();
        try
        {
            for (var first = 0; first < samples; first += options.LargestBatch)
            {
                var count = Math.Min(options.LargestBatch, samples - first);
                parts.Add(new(inputs.ToDictionary(pair => pair.Key, pair => pair.Value.narrow(0, first, count).DetachFromDisposeScope()), tasks, count, joins: true));
            }

            var answers = await Task.WhenAll(Enqueue(parts, cancellationToken)).ConfigureAwait(false);
            return answers[0].Keys.ToDictionary(task => task, task => (IReadOnlyList<Prediction>)[.. answers.SelectMany(answer => answer[task])]);
        }
        finally
        {
            foreach (var part in parts.SelectMany(part => part.Inputs.Values))
                part.Dispose();
        }
    }

    /// <inheritdoc/>
    /// <exception cref="QueueFullException">Too many samples wait.</exception>
    public IReadOnlyDictionary<string, IReadOnlyList<Prediction>> PredictBatch(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks = null) =>
        // What is one call is waited for directly: a caller's thread is there to go on.
        (AsOneCall(inputs, tasks, out _) is { } whole ? Enqueue([whole], CancellationToken.None)[0] : PredictBatchAsync(inputs, tasks)).GetAwaiter().GetResult();

    /// <summary>Refuses new samples, waits until those that were accepted are answered, and disposes of the predictor.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (gate)
        {
            stopping = true;
            Monitor.Pulse(gate);
        }

        await ended.Task.ConfigureAwait(false);
    }

    /// <inheritdoc cref="DisposeAsync"/>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>The call for batches that need not be cut; null if they do.</summary>
    private QueuedCall? AsOneCall(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks, out int samples)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.FirstOrDefault(pair => pair.Value is not { IsInvalid: false }) is { Key: { } name, Value: var missing })
            throw new MultiInputException($"input '{name}'", ModelComponent.Input, $"its batch {(missing is null ? "is null" : "was disposed of")}.", "Give a tensor that exists.");
        var sizes = inputs.Values.Select(batch => batch.shape.FirstOrDefault(1)).Distinct().ToArray();
        samples = (int)sizes.Append(0).Max();

        // Batches of different sizes belong to different tasks: they are left as they are.
        return sizes.Length != 1 || samples <= options.LargestBatch ? new(inputs, tasks, samples, joins: sizes.Length == 1) : null;
    }

    private string SingleInput(string task) => Description.Task(task).From switch
    {
        null => task,
        [var only] => only,
        var several => throw new MultiInputException(
            $"task '{task}'", ModelComponent.Input, $"it reads {string.Join(", ", several.Select(name => $"'{name}'"))}, but a single sample was given.", "Give a sample for each by its name."),
    };

    private Task<IReadOnlyDictionary<string, IReadOnlyList<Prediction>>>[] Enqueue(IReadOnlyList<QueuedCall> calls, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var samples = calls.Sum(call => call.Samples);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(stopping, this);
            if (queuedSamples + samples > options.QueueLimit)
                throw new QueueFullException(samples, queuedSamples, options.QueueLimit);
            queuedSamples += samples;
            foreach (var call in calls)
                queue.AddLast(call.Node);
            if (queue.Count >= wanted || queuedSamples >= options.LargestBatch)
                Monitor.Pulse(gate);
        }

        return [.. calls.Select(call => cancellationToken.CanBeCanceled ? AnswerOf(call) : call.Answer.Task)];

        async Task<IReadOnlyDictionary<string, IReadOnlyList<Prediction>>> AnswerOf(QueuedCall call)
        {
            using var registration = cancellationToken.Register(() => Cancel(call, cancellationToken));
            return await call.Answer.Task.ConfigureAwait(false);
        }
    }

    private void Cancel(QueuedCall call, CancellationToken token)
    {
        lock (gate)
        {
            if (call.Node.List is null)
                return;
            queue.Remove(call.Node);
            queuedSamples -= call.Samples;
        }

        call.Answer.TrySetCanceled(token);
    }

    private void Run()
    {
        while (Take() is { } batch)
        {
            var start = Stopwatch.GetTimestamp();
            var answers = Compute(batch);
            var elapsed = Stopwatch.GetElapsedTime(start);
            lock (gate)
                recentCalls = batch.Count + queue.Count;
            foreach (var (call, answer) in batch.Zip(answers))
            {
                if (answer is Exception error)
                    call.Answer.TrySetException(error);
                else
                    call.Answer.TrySetResult((IReadOnlyDictionary<string, IReadOnlyList<Prediction>>)answer);
            }

            try
            {
                BatchDone?.Invoke(batch.Sum(call => call.Samples), elapsed);
            }
            catch (Exception)
            {
                // A listener of metrics that throws must not end the thread that answers.
            }
        }

        predictor.Dispose();
        ended.SetResult();
    }

    /// <summary>The oldest call and those that fit to it; null at the end.</summary>
    private List<QueuedCall>? Take()
    {
        lock (gate)
        {
            while (!WaitForOthers())
            {
                if (stopping)
                    return null;
                wanted = 1;
                Monitor.Wait(gate);
            }

            var (batch, samples) = (new List<QueuedCall>(), 0);
            for (var node = queue.First; node is not null && samples < options.LargestBatch;)
            {
                var (call, next) = (node.Value, node.Next);
                if (batch.Count == 0 || (call.Joins(batch[0]) && samples + call.Samples <= options.LargestBatch))
                {
                    queue.Remove(node);
                    batch.Add(call);
                    samples += call.Samples;
                }

                node = next;
            }

            queuedSamples -= samples;
            return batch;
        }
    }

    /// <summary>
    /// Waits until as many calls are there as a moment ago, but not for long. False if none is left, all having been cancelled meanwhile.
    /// </summary>
    private bool WaitForOthers()
    {
        var start = Stopwatch.GetTimestamp();
        while (!stopping && queue.Count > 0 && queue.Count < recentCalls && queuedSamples < options.LargestBatch)
        {
            var left = options.LongestWait - Stopwatch.GetElapsedTime(start);
            wanted = recentCalls;
            if (left <= TimeSpan.Zero || !Monitor.Wait(gate, left))
                break;
        }

        return queue.Count > 0;
    }

    /// <summary>The answers of a batch, or what went wrong with each call.</summary>
    private List<object> Compute(List<QueuedCall> batch)
    {
        try
        {
            using var scope = NewDisposeScope();
            var inputs = batch.Count == 1
                ? batch[0].Inputs
                : batch[0].Inputs.Keys.ToDictionary(name => name, name => cat([.. batch.Select(call => call.Inputs[name])], 0));
            var answers = predictor.PredictBatch(inputs, batch[0].Tasks);
            if (batch.Count == 1)
                return [answers];
            var (parts, first) = (new List<object>(), 0);
            foreach (var call in batch)
            {
                parts.Add(answers.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<Prediction>)[.. pair.Value.Skip(first).Take(call.Samples)]));
                first += call.Samples;
            }

            return parts;
        }
        catch (Exception) when (batch.Count > 1)
        {
            return [.. batch.SelectMany(call => Compute([call]))];
        }
        catch (Exception e)
        {
            return [e];
        }
    }
}
