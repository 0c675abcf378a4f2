using System.IO.Enumeration;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>Loads the weights of a file into any <c>torch.nn.Module</c>.</summary>
public static class ModuleWeights
{
    private const string DataParallelPrefix = "module.";

    /// <summary>Loads the weights of a file into a module, in place. See <see cref="LoadWeights(nn.Module, WeightFile, LoadOptions)"/>.</summary>
    /// <param name="module">The module.</param>
    /// <param name="path">A file that <see cref="WeightFile"/> reads.</param>
    /// <param name="options">How names find their place; every weight must, when null.</param>
    /// <param name="key">The key of a PyTorch checkpoint's state dict, as for <see cref="WeightFile.Open"/>.</param>
    /// <returns>What became of each weight.</returns>
    /// <exception cref="MultiInputException">The file cannot be read, or does not fit the module and the options are strict.</exception>
    public static LoadReport LoadWeights(this nn.Module module, string path, LoadOptions? options = null, string? key = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var file = WeightFile.Open(path, key);
        return module.LoadWeights(file, options ?? new());
    }

    /// <summary>
    /// Loads the weights of a file into a module, in place. Values are converted between floating-point types. Everything is
    /// checked and read before the first weight is changed, so that the module is never half loaded.
    /// </summary>
    /// <param name="module">The module.</param>
    /// <param name="file">The file, which stays open.</param>
    /// <param name="options">How names find their place.</param>
    /// <returns>What became of each weight.</returns>
    /// <exception cref="MultiInputException">
    /// The file cannot be read; the options give two weights one name; or weights are missing, unexpected, or of another shape or
    /// type, and the options are strict. The module is as before then.
    /// </exception>
    public static LoadReport LoadWeights(this nn.Module module, WeightFile file, LoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var targets = module.state_dict();
        var prefix = options.StripPrefix ?? (
            file.Entries.All(entry => HasPrefix(entry.Name, DataParallelPrefix)) && !targets.Keys.Any(name => HasPrefix(name, DataParallelPrefix))
                ? DataParallelPrefix
                : "");
        var sources = Place(file, prefix, options);
        var before = RegressionHeads(module).Where(head => !RegressionHead.Statistics.Any(name => sources.ContainsKey(head.Name + name))).ToArray();
        var plan = Compare(file, sources, targets, [.. before.SelectMany(head => RegressionHead.Statistics.Select(name => head.Name + name))], prefix, options);
        if (options.Strict && !plan.IsComplete)
        {
            throw file.Refuse(
                $"it does not fit the module: {plan.Problems()}.",
                "Let LoadOptions rename or ignore such weights, or set its Strict to false to load what fits.");
        }

        var values = file.Read(plan.Loaded.Select(name => sources[name]));
        foreach (var name in plan.Loaded)
            targets[name].copy_(values[sources[name].Name]);
        foreach (var (_, head) in before.Where(head => plan.Loaded.Any(loaded => HasPrefix(loaded, head.Name))))
            head.TakeValuesAsTheyAre();
        return plan;
    }

    /// <summary>The entries of a file by the names that they have in the module.</summary>
    private static Dictionary<string, WeightEntry> Place(WeightFile file, string prefix, LoadOptions options)
    {
        var placed = new Dictionary<string, WeightEntry>();
        foreach (var entry in file.Entries)
        {
            var name = HasPrefix(entry.Name, prefix) ? entry.Name[prefix.Length..] : entry.Name;
            name = options.AddPrefix + (options.Rename is null ? name : options.Rename(name));
            if (!placed.TryAdd(name, entry))
                throw file.Refuse($"the options give both '{placed[name].Name}' and '{entry.Name}' the name '{name}'.", "Give each a name of its own.");
        }

        return placed;
    }

    private static LoadReport Compare(
        WeightFile file,
        Dictionary<string, WeightEntry> sources,
        Dictionary<string, Tensor> targets,
        IReadOnlyCollection<string> optional,
        string prefix,
        LoadOptions options)
    {
        var ignored = sources.Keys.Union(targets.Keys).Where(IsIgnored).ToArray();
        var left = targets.Keys.Except(ignored).ToArray();
        var shared = left.Where(sources.ContainsKey).ToArray();
        var otherShape = shared.Where(name => !sources[name].Shape.SequenceEqual(targets[name].shape)).ToArray();
        var otherType = shared.Except(otherShape).Where(name => sources[name].Type != targets[name].dtype).Select(Types).ToArray();
        var converted = otherType.Where(type => is_floating_point(type.InFile) && is_floating_point(type.InModule)).ToArray();
        return new()
        {
            Path = file.Path,
            Format = file.Format,
            StrippedPrefix = file.Entries.Any(entry => HasPrefix(entry.Name, prefix)) ? prefix : "",
            Loaded = [.. shared.Except(otherShape).Except(otherType.Except(converted).Select(type => type.Name))],
            Converted = converted,
            Missing = [.. left.Except(sources.Keys).Except(optional)],
            Unexpected = [.. sources.Keys.Except(ignored).Except(targets.Keys)],
            OtherShape = [.. otherShape.Select(name => new ShapeDifference(name, sources[name].Shape, targets[name].shape))],
            OtherType = [.. otherType.Except(converted)],
            Ignored = ignored,
        };

        bool IsIgnored(string name) =>
            !HasPrefix(name, options.AddPrefix)
            || options.Ignore.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false));

        TypeDifference Types(string name) => new(name, sources[name].Type, targets[name].dtype);
    }

    /// <summary>The regression heads of a module. Files from before they standardised labels lack mean and deviation, and are whole without.</summary>
    private static IEnumerable<(string Name, RegressionHead Head)> RegressionHeads(nn.Module module) =>
        module.named_modules().Select(pair => (pair.name + ".", pair.module)).Prepend(("", module))
            .Where(pair => pair.module is RegressionHead).Select(pair => (pair.Item1, (RegressionHead)pair.module));

    private static bool HasPrefix(string name, string prefix) => name.StartsWith(prefix, StringComparison.Ordinal);
}
