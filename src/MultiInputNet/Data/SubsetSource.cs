using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>Some samples of another source.</summary>
internal sealed class SubsetSource : DataSource
{
    private readonly DataSource whole;
    private readonly long[] chosen;

    public SubsetSource(DataSource whole, IReadOnlyList<long> rows)
        : base(whole.Name, whole.InputNames, rows.Count, Choose(whole.Targets, rows))
    {
        this.whole = whole;
        chosen = [.. rows];
        BatchSize = whole.BatchSize;
        Augment = whole.Augment;
    }

    /// <summary>The broken samples of the whole source.</summary>
    public override IReadOnlyList<BrokenSample> Broken => whole.Broken;

    public override bool IsInMemory => whole.IsInMemory;

    public override string NameOf(long row) => whole.NameOf(chosen[row]);

    public override InputBatch Read(IReadOnlyList<long> rows)
    {
        var batch = whole.Read([.. rows.Select(row => chosen[row])]);
        if (batch.Rows.Count == rows.Count)
            return new(rows, batch.Inputs);

        // The rows that could be read are in the order requested, so one pass finds the missing ones.
        var read = new List<long>();
        foreach (var row in rows)
        {
            if (read.Count < batch.Rows.Count && batch.Rows[read.Count] == chosen[row])
                read.Add(row);
        }

        return new(read, batch.Inputs);
    }

    private static Dictionary<string, Tensor> Choose(IReadOnlyDictionary<string, Tensor> targets, IReadOnlyList<long> rows)
    {
        using var scope = NewDisposeScope();
        var chosen = tensor(rows.ToArray());

        // They live as long as the source, whatever scope is open when it is created.
        return targets.ToDictionary(pair => pair.Key, pair => pair.Value.index_select(0, chosen.to(pair.Value.device)).DetachFromDisposeScope());
    }
}
