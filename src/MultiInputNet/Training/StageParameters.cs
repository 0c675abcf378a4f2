using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>What a stage trains: the parameters by their names, and each one's rate.</summary>
internal sealed record StageParameters(IReadOnlyList<(string Name, Parameter Parameter, double Rate)> Trained, IReadOnlyCollection<nn.Module> Frozen)
{
    /// <summary>Finds what a stage trains; without a stage, all that is not frozen.</summary>
    public static StageParameters Find(MultiInputModel model, TrainingStage? stage)
    {
        var rates = new Dictionary<Parameter, double>(ReferenceEqualityComparer.Instance);
        var modules = new HashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        var frozen = model.SaveFreezing();
        foreach (var (part, rate) in (stage?.Parts ?? [Parts.All]).Select(pair => (pair.Part, pair.Rate)))
        {
            foreach (var module in part.Find(model).Where(module => stage is not null || !frozen.Contains(module)))
            {
                modules.Add(module);
                foreach (var parameter in module.parameters(recurse: false))
                    rates[parameter] = rate;
            }
        }

        if (stage is { LayerDecay: not 1 })
            Decay(model, stage.LayerDecay, rates);
        var trained = model.named_parameters().Where(pair => rates.ContainsKey(pair.parameter)).Select(pair => (pair.name, pair.parameter, rates[pair.parameter]));
        return new([.. trained], [.. model.modules().Where(module => !modules.Contains(module))]);
    }

    private static void Decay(MultiInputModel model, double decay, Dictionary<Parameter, double> rates)
    {
        foreach (var paths in model.Paths.GroupBy(path => path.Base))
        {
            var stages = paths.Key.Stages;
            foreach (var (i, stage) in stages.Index())
                Slow(stage.Modules, stages.Count - i);
            Slow(paths.SelectMany(path => path.ProjectionModules).Distinct(), stages.Count + 1);
        }

        void Slow(IEnumerable<nn.Module> modules, int power)
        {
            foreach (var parameter in modules.SelectMany(module => module.parameters()).Where(rates.ContainsKey))
                rates[parameter] *= Math.Pow(decay, power);
        }
    }
}
