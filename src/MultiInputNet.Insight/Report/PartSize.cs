using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>A part of a model: how much it is, and whether it is trained.</summary>
/// <param name="Title">What it is called.</param>
/// <param name="Modules">Its modules.</param>
/// <param name="Macs">Its operations for one sample; null where they are counted with another part.</param>
internal sealed record PartSize(Markup Title, IReadOnlyList<nn.Module> Modules, long? Macs)
{
    public long Parameters => Modules.Sum(module => module.parameters().Sum(parameter => parameter.numel()));

    /// <summary>Whether it is trained: yes, in part, or frozen.</summary>
    public string Training => TrainingOf(Modules);

    /// <summary>Whether modules are trained, in a word; empty if there is nothing to train.</summary>
    public static string TrainingOf(IEnumerable<nn.Module> modules)
    {
        var parameters = modules.SelectMany(module => module.parameters()).ToArray();
        var trained = parameters.Count(parameter => parameter.requires_grad);
        return parameters.Length == 0 ? "" : trained == parameters.Length ? "yes" : trained == 0 ? "frozen" : "in part";
    }

    /// <summary>The parts of a model, none twice.</summary>
    public static IReadOnlyList<PartSize> Of(MultiInputModel model)
    {
        var built = model.Built;
        var parts = new List<PartSize>();
        foreach (var path in built.Paths)
            parts.Add(new(Html.Of($"projection of {Html.Name(path.Name)}"), [.. path.ProjectionModules], path.ProjectionMacs));
        foreach (var group in built.Paths.GroupBy(path => path.Base))
        {
            parts.Add(new(Html.Of($"base {group.Key.GetName()}"), [group.Key], (long)group.Average(path => path.Macs - path.ProjectionMacs)));
            parts.AddRange(group.Where(path => path.Own is not null).Select(path => new PartSize(Html.Of($"layers of {Html.Name(path.Name)} in the base"), [path.Own!], null)));
        }

        if (built.Routes.FirstOrDefault(route => route.SharesFusion) is { } sharing)
            parts.Add(new(Html.Of($"shared fusion"), [sharing.Fusion], null));
        parts.AddRange(built.Routes.Select(route => new PartSize(
            Html.Of($"{(route.SharesFusion ? "" : "fusion and ")}head of {Html.Name(route.Task)}"), route.SharesFusion ? [route.Head] : [route.Fusion, route.Head], route.Macs)));
        return parts;
    }
}
