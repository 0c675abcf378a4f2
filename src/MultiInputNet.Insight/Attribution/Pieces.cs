using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Large batches in pieces that fit into memory.</summary>
internal static class Pieces
{
    /// <summary>
    /// Runs a computation of a task's samples piece by piece, in a scope that leaves no trace in the model, and joins the results.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="task">The task.</param>
    /// <param name="inputs">The samples.</param>
    /// <param name="batchSize">The size of a piece; null for one that fits into memory.</param>
    /// <param name="gradients">Whether gradients are needed.</param>
    /// <param name="compute">The result of each input, or any other list, for samples of a call; null where there is none.</param>
    /// <returns>The call, whose tensors are gone; and the results in the caller's dispose scope.</returns>
    public static (TaskCall Call, IReadOnlyList<Tensor?> Results) Run(
        MultiInputModel model,
        string task,
        IReadOnlyDictionary<string, Tensor> inputs,
        int? batchSize,
        bool gradients,
        Func<TaskCall, Piece, IReadOnlyList<Tensor?>> compute)
    {
        using var scope = new Undisturbed(model, gradients);
        var call = new TaskCall(model, task, inputs, scope);
        var size = batchSize ?? DefaultSize(model, gradients);
        var parts = new List<IReadOnlyList<Tensor?>>();
        for (var start = 0L; start < call.Count; start += size)
        {
            using var inner = NewDisposeScope();
            var piece = new Piece(start, Math.Min(size, call.Count - start), size);
            parts.Add([.. compute(call, piece).Select(result => result?.detach().MoveToOuterDisposeScope())]);
        }

        return (call, [.. Enumerable.Range(0, parts[0].Count).Select(i => Join([.. parts.Select(part => part[i])])?.MoveToOuterDisposeScope())]);
    }

    /// <summary>Checks a batch size.</summary>
    /// <returns>The same.</returns>
    public static int? Check(int? batchSize, string name) => batchSize is null or >= 1
        ? batchSize
        : throw new ArgumentOutOfRangeException(name, batchSize, "Give at least 1, or null for as many samples as fit into memory.");

    /// <summary>As many samples as a model runs at one time; with gradients, the results of many layers are in memory together.</summary>
    public static int DefaultSize(MultiInputModel model, bool gradients) => gradients ? Math.Max(1, model.BatchSize / 4) : model.BatchSize;

    // Joining a single tensor would not copy it.
    private static Tensor? Join(Tensor?[] parts) => parts[0] is null ? null : parts is [var only] ? only : cat([.. parts.Select(part => part!)], 0);
}

/// <summary>Some samples of a call.</summary>
/// <param name="Start">The first of them.</param>
/// <param name="Length">Their number.</param>
/// <param name="Size">The number of samples that the model may run at one time.</param>
internal readonly record struct Piece(long Start, long Length, int Size)
{
    /// <summary>Its part of a batch.</summary>
    public Tensor Of(Tensor batch) => batch.narrow(0, Start, Length);

    /// <summary>Its part of a batch, or the only sample for all.</summary>
    public Tensor OfOrOne(Tensor batch) => batch.shape[0] == 1 ? batch : Of(batch);
}
