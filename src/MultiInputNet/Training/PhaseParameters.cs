using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>What a phase trains: the parameters by name, the rate of each, and whether it has weight decay.</summary>
internal sealed record PhaseParameters(
    IReadOnlyList<(string Name, Parameter Parameter, double Rate, bool Decays)> Trained, IReadOnlyCollection<nn.Module> Frozen)
{
    // What timm and torchvision exclude from weight decay although it has several dimensions, by parts of names.
    private static readonly string[] namesWithoutDecay =
        ["class_token", "cls_token", "dist_token", "reg_token", "pos_embed", "position_embedding", "relative_position", "layer_scale"];

    /// <summary>Finds what a phase trains; without a phase, everything that is not frozen.</summary>
    public static PhaseParameters Find(MultiInputModel model, TrainingPhase? phase)
    {
        var rates = new Dictionary<Parameter, double>(ReferenceEqualityComparer.Instance);
        var modules = new HashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        var frozen = model.SaveFreezing();
        foreach (var (part, rate) in (phase?.Parts ?? [Parts.All]).Select(pair => (pair.Part, pair.Rate)))
        {
            foreach (var module in part.Find(model.Built).Where(module => phase is not null || !frozen.Contains(module)))
            {
                modules.Add(module);
                foreach (var parameter in module.parameters(recurse: false))
                    rates[parameter] = rate;
            }
        }

        if (phase is { LayerDecay: not 1 })
            Slow(model, phase.LayerDecay, rates);
        var normalisations = model.modules().Where(Normalizations.Contains).SelectMany(norm => norm.parameters()).ToHashSet<Parameter>(ReferenceEqualityComparer.Instance);
        var trained = model.named_parameters().Where(pair => rates.ContainsKey(pair.parameter))
            .Select(pair => (pair.name, pair.parameter, rates[pair.parameter], !normalisations.Contains(pair.parameter) && Decays(pair.name, pair.parameter)));
        return new([.. trained], [.. model.modules().Where(module => !modules.Contains(module))]);
    }

    /// <summary>Finds what a phase trains and freezes the rest.</summary>
    public static PhaseParameters Freeze(MultiInputModel model, TrainingPhase? phase)
    {
        var found = Find(model, phase);
        if (phase is not null)
            model.RestoreFreezing(found.Frozen);
        return found with { Trained = [.. found.Trained.Where(trained => trained.Parameter.requires_grad)] };
    }

    /// <summary>timm's rule: matrices and kernels decay; vectors, biases of any shape, tokens, positions and scales of layers do not.</summary>
    private static bool Decays(string name, Parameter parameter)
    {
        var own = name.Split('.')[^1];
        return parameter.dim() > 1 && !own.EndsWith("bias", StringComparison.Ordinal)
            && !namesWithoutDecay.Any(without => own.Contains(without, StringComparison.Ordinal));
    }

    private static void Slow(MultiInputModel model, double decay, Dictionary<Parameter, double> rates)
    {
        var slowed = new HashSet<Parameter>(ReferenceEqualityComparer.Instance);
        foreach (var paths in model.Paths.GroupBy(path => path.Base))
        {
            var stages = paths.Key.WholeStages();
            foreach (var (i, stage) in stages.Index())
                Slow(stage.Modules, stages.Count - i);
            Slow(paths.SelectMany(path => path.ProjectionModules).SelectMany(module => module.modules().Prepend(module)), stages.Count + 1);
        }

        void Slow(IEnumerable<nn.Module> modules, int power)
        {
            foreach (var parameter in modules.SelectMany(module => module.parameters(recurse: false)).Where(parameter => rates.ContainsKey(parameter) && slowed.Add(parameter)))
                rates[parameter] *= Math.Pow(decay, power);
        }
    }
}
