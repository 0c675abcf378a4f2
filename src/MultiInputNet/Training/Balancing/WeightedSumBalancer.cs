using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// Descends the weighted sum of the losses, here with fixed weights, in derived classes with weights that change from step to step. The
/// state of those is tables of numbers by task.
/// </summary>
internal class WeightedSumBalancer : LossBalancer
{
    private readonly Dictionary<string, Dictionary<string, double>> tables = [];

    public WeightedSumBalancer(IReadOnlyList<string> tasks, IReadOnlyDictionary<string, double>? weights = null)
        : base(tasks)
    {
        CheckTasks(weights?.Keys ?? []);
        Current = tasks.ToDictionary(task => task, task => weights?.GetValueOrDefault(task, 1) ?? 1);
    }

    internal sealed override bool MayDraw => false;

    public sealed override IReadOnlyDictionary<string, double> Weights => new Dictionary<string, double>(Current);

    /// <summary>The weight of each task.</summary>
    protected Dictionary<string, double> Current { get; }

    public sealed override IReadOnlyDictionary<string, Tensor> State() => tables
        .SelectMany(table => table.Value.Select(entry => (Name: $"{table.Key}.{entry.Key}", entry.Value)))
        .ToDictionary(entry => entry.Name, entry => tensor(entry.Value, ScalarType.Float64).DetachFromDisposeScope());

    public sealed override void Load(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var places = tables.Keys.SelectMany(table => Tasks.Select(task => (Name: $"{table}.{task}", Table: table, Task: task))).ToArray();
        if (state.Keys.Except(places.Select(place => place.Name)).FirstOrDefault() is { } unknown)
            throw WrongState($"'{unknown}' does not belong to this method.");
        if (state.FirstOrDefault(entry => entry.Value.numel() != 1).Key is { } misshaped)
            throw WrongState($"'{misshaped}' has shape {Shapes.Text(state[misshaped].shape)} instead of a single number.");
        if (places.FirstOrDefault(place => tables[place.Table] == Current && !state.ContainsKey(place.Name)).Name is { } missing)
            throw WrongState($"'{missing}' is missing.");
        foreach (var (name, table, task) in places)
        {
            if (state.TryGetValue(name, out var value))
                tables[table][task] = value.to(ScalarType.Float64).item<double>();
            else
                tables[table].Remove(task);
        }
    }

    protected override void Descend(IReadOnlyList<(string Task, Tensor Loss)> losses, IReadOnlyList<Parameter> shared, long step) =>
        losses.Select(loss => loss.Loss * Current[loss.Task]).Aggregate((sum, loss) => sum + loss).backward();

    /// <summary>Makes a table of numbers by task part of the state; not every task needs a number in it.</summary>
    protected Dictionary<string, double> Remember(string name, Dictionary<string, double> table) => tables[name] = table;
}
