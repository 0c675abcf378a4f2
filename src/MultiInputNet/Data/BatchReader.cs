using System.Collections.Concurrent;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Reads the batches of consecutive steps ahead on background threads and returns them in order. It is bounded: only a limited number of
/// batches are read at once, and only a limited number wait. Sources in memory are read on demand.
/// </summary>
internal sealed class BatchReader : IDisposable
{
    private readonly DataSource source;
    private readonly Func<long, IReadOnlyList<long>> rows;
    private readonly long end;
    private readonly int capacity;
    private readonly Thread[] workers;
    private readonly BlockingCollection<(IReadOnlyList<long> Rows, TaskCompletionSource<InputBatch> Result)> work = [];
    private readonly Queue<Task<InputBatch>> ahead = [];
    private volatile bool isDisposed;
    private long next;

    /// <summary>Starts reading.</summary>
    /// <param name="source">The samples.</param>
    /// <param name="rows">The rows of a step's batch; called for the steps in order, by the thread that calls this class.</param>
    /// <param name="firstStep">The step of the first batch.</param>
    /// <param name="endStep">The step after the last.</param>
    /// <param name="workers">The number of batches that are read at once.</param>
    /// <param name="capacity">The number of batches that are being read or waiting.</param>
    public BatchReader(DataSource source, Func<long, IReadOnlyList<long>> rows, long firstStep, long endStep, int workers = 2, int capacity = 4)
    {
        this.source = source;
        this.rows = rows;
        (next, end) = (firstStep, endStep);
        this.capacity = source.IsInMemory ? 0 : capacity;

        // Threads of its own: those of the pool may all be waiting for a batch.
        this.workers = [.. Enumerable.Range(0, source.IsInMemory ? 0 : workers).Select(_ => new Thread(Work) { IsBackground = true })];
        foreach (var worker in this.workers)
            worker.Start();
        ReadAhead();
    }

    /// <summary>The batch of the next step; its tensors belong to the caller's dispose scope, if there is one.</summary>
    /// <exception cref="InvalidOperationException">All batches have been returned.</exception>
    /// <exception cref="MultiInputException">A sample of this step is broken, and is not to be skipped.</exception>
    public InputBatch Next()
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        if (ahead.TryDequeue(out var reading))
        {
            var batch = reading.GetAwaiter().GetResult();
            ReadAhead();

            // No scope was open where the batch was read: it enters the one that is open here.
            using var scope = NewDisposeScope();
            foreach (var input in batch.Inputs.Values)
            {
                scope.Attach(input);
                input.MoveToOuterDisposeScope();
            }

            return batch;
        }

        return next < end ? source.Read(rows(next++)) : throw new InvalidOperationException("All batches have been returned.");
    }

    /// <summary>Waits for what is being read, and disposes of it.</summary>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        work.CompleteAdding();
        foreach (var worker in workers)
            worker.Join();
        foreach (var input in ahead.Where(reading => reading.IsCompletedSuccessfully).SelectMany(reading => reading.Result.Inputs.Values))
            input.Dispose();
        foreach (var reading in ahead)
            _ = reading.Exception; // of steps that were never requested
        ahead.Clear();
        work.Dispose();
    }

    private void ReadAhead()
    {
        while (ahead.Count < capacity && next < end)
        {
            var result = new TaskCompletionSource<InputBatch>();
            work.Add((rows(next++), result));
            ahead.Enqueue(result.Task);
        }
    }

    private void Work()
    {
        foreach (var (chosen, result) in work.GetConsumingEnumerable())
        {
            if (isDisposed)
            {
                result.SetCanceled();
                continue;
            }

            try
            {
                result.SetResult(source.Read(chosen));
            }
            catch (Exception e)
            {
                // Thrown where the batch is requested.
                result.SetException(e);
            }
        }
    }
}
