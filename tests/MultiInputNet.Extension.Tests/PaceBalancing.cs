using MultiInputNet.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Extension.Tests;

/// <summary>Each loss divided by the running mean of its values, so that all count alike.</summary>
internal sealed class PaceBalancing : LossBalancing
{
    public override LossBalancer Create(IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors = null, Device? device = null) =>
        new Balancer(tasks);

    private sealed class Balancer(IReadOnlyList<string> tasks) : LossBalancer(tasks)
    {
        private readonly Dictionary<string, double> means = [];

        public override IReadOnlyDictionary<string, double> Weights => Tasks.ToDictionary(task => task, task => 1 / means.GetValueOrDefault(task, 1));

        public override IReadOnlyDictionary<string, Tensor> State() =>
            means.ToDictionary(mean => mean.Key, mean => tensor(mean.Value).DetachFromDisposeScope());

        public override void Load(IReadOnlyDictionary<string, Tensor> state)
        {
            means.Clear();
            foreach (var (task, mean) in state)
                means[task] = mean.ToDouble();
        }

        protected override void Descend(IReadOnlyList<(string Task, Tensor Loss)> losses, IReadOnlyList<Parameter> shared, long step)
        {
            foreach (var (task, loss) in losses)
                means[task] = means.TryGetValue(task, out var mean) ? 0.9 * mean + 0.1 * loss.ToDouble() : loss.ToDouble();
            losses.Select(its => its.Loss / means[its.Task]).Aggregate((sum, loss) => sum + loss).backward();
        }
    }
}
