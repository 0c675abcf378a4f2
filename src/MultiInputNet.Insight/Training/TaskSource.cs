using MultiInputNet.Data;

namespace MultiInputNet.Insights;

/// <summary>What a source has for some tasks: their inputs and their labels.</summary>
internal sealed class TaskSource : DataSource
{
    private readonly DataSource whole;

    public TaskSource(DataSource whole, IReadOnlyList<string> tasks, IReadOnlyList<string> inputs)
        : base(whole.Name, inputs, whole.Count, whole.Targets.Where(pair => tasks.Contains(pair.Key)).ToDictionary())
    {
        this.whole = whole;
        BatchSize = whole.BatchSize;
        Augment = whole.Augment;
    }

    public override IReadOnlyList<BrokenSample> Broken => whole.Broken;

    public override bool IsInMemory => whole.IsInMemory;

    public override string NameOf(long row) => whole.NameOf(row);

    public override InputBatch Read(IReadOnlyList<long> rows)
    {
        var batch = whole.Read(rows);
        foreach (var (input, samples) in batch.Inputs)
        {
            if (!InputNames.Contains(input))
                samples.Dispose();
        }

        return new(batch.Rows, batch.Inputs.Where(pair => InputNames.Contains(pair.Key)).ToDictionary());
    }
}
