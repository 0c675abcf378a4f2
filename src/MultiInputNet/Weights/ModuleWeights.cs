using System.IO.Enumeration;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>Loads the weights of a file into any <c>torch.nn.Module</c>.</summary>
public static class ModuleWeights
{
    private const string DataParallelPrefix = "module.";
    private const string Counter = "num_batches_tracked";
    private const string CountedMean = "running_mean";
    private const int NamesShown = 3;

    /// <summary>Loads the weights of a file into a module, in place. See <see cref="LoadWeights(nn.Module, WeightFile, LoadOptions)"/>.</summary>
    /// <param name="module">The module.</param>
    /// <param name="path">A file that <see cref="WeightFile"/> reads.</param>
    /// <param name="options">How names are matched; null for a strict load.</param>
    /// <param name="key">The key of a PyTorch checkpoint's state dict, as in the options.</param>
    /// <returns>What happened to each weight.</returns>
    /// <exception cref="MultiInputException">
    /// The file cannot be read; or it does not fit the module and the options are strict, or none of it fits.
    /// </exception>
    /// <exception cref="ArgumentException">The key differs from that of the options.</exception>
    public static LoadReport LoadWeights(this nn.Module module, string path, LoadOptions? options = null, string? key = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        options ??= new();
        if (key is not null && options.Key is not null && key != options.Key)
            throw new ArgumentException($"The key is '{key}', but that of the options is '{options.Key}': give only one.", nameof(key));
        using var file = WeightFile.Open(path, key ?? options.Key, candidates => Choose(candidates, module, options));
        return module.LoadWeights(file, options with { Key = file.Key });
    }

    /// <summary>
    /// Loads the weights of a file into a module, in place. Values are converted between floating-point types. Everything is checked and
    /// read before the first weight changes, so that the module is never half loaded.
    /// </summary>
    /// <param name="module">The module.</param>
    /// <param name="file">The file, which stays open.</param>
    /// <param name="options">How names are matched.</param>
    /// <returns>What happened to each weight.</returns>
    /// <exception cref="MultiInputException">
    /// The file cannot be read; the options give two weights the same name; weights are missing, unexpected, or of another shape or type
    /// although the options are strict; or nothing in the file fits the module. The module is then unchanged.
    /// </exception>
    /// <exception cref="ArgumentException">The file was opened with a key that differs from that of the options.</exception>
    public static LoadReport LoadWeights(this nn.Module module, WeightFile file, LoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Key is not null && options.Key != file.Key)
            throw new ArgumentException($"The file was opened with the key '{file.Key}' but the options name '{options.Key}': open it with that key.", nameof(options));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var targets = module.state_dict();
        var prefix = options.StripPrefix ?? (
            file.Entries.All(entry => HasPrefix(entry.Name, DataParallelPrefix)) && !targets.Keys.Any(name => HasPrefix(name, DataParallelPrefix))
                ? DataParallelPrefix
                : "");
        var sources = Place(file, prefix, options);
        var before = WithLaterWeights(module).Where(its => !its.Module.LaterWeights.Any(name => sources.ContainsKey(its.Prefix + name))).ToArray();
        var plan = Compare(file, sources, targets, [.. before.SelectMany(its => its.Module.LaterWeights.Select(name => its.Prefix + name))], prefix, options);
        if (options.Strict && !plan.IsComplete)
        {
            throw file.Refuse(
                $"it does not fit the module: {plan.Problems()}.",
                "Let LoadOptions rename or ignore such weights, or set its Strict to false to load what fits.");
        }

        if (plan.Loaded.Count == 0 && targets.Count > plan.Ignored.Count(targets.ContainsKey))
            throw NothingFits(file, sources, targets, plan);
        var values = file.Read(plan.Loaded.Select(name => sources[name]));
        foreach (var name in plan.Loaded)
            targets[name].copy_(values[sources[name].Name]);
        foreach (var (_, later) in before.Where(its => plan.Loaded.Any(loaded => HasPrefix(loaded, its.Prefix))))
            later.StartWithoutLaterWeights();
        return plan;
    }

    /// <summary>The entries of a file by their names in the module.</summary>
    private static Dictionary<string, WeightEntry> Place(WeightFile file, string prefix, LoadOptions options)
    {
        var placed = new Dictionary<string, WeightEntry>();
        foreach (var entry in file.Entries)
        {
            var name = NameOf(entry.Name, prefix, options);
            if (!placed.TryAdd(name, entry))
                throw file.Refuse($"the options give both '{placed[name].Name}' and '{entry.Name}' the name '{name}'.", "Give each a different name.");
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
        var unreadable = shared.Where(name => !sources[name].IsReadable).ToArray();
        shared = [.. shared.Except(unreadable)];
        var counters = left.Except(sources.Keys).Where(IsUncounted).ToArray();
        var otherShape = shared.Where(name => !sources[name].Shape.SequenceEqual(targets[name].shape)).ToArray();
        var otherType = shared.Except(otherShape).Where(name => sources[name].Type != targets[name].dtype).Select(Types).ToArray();
        var converted = otherType.Where(type => is_floating_point(type.InFile) && is_floating_point(type.InModule)).ToArray();
        return new()
        {
            Path = file.Path,
            Format = file.Format,
            Key = file.Key,
            StrippedPrefix = file.Entries.Any(entry => HasPrefix(entry.Name, prefix)) ? prefix : "",
            Loaded = [.. shared.Except(otherShape).Except(otherType.Except(converted).Select(type => type.Name))],
            Converted = converted,
            Missing = [.. left.Except(sources.Keys).Except(optional).Except(counters)],
            Unexpected = [.. sources.Keys.Except(ignored).Except(targets.Keys)],
            OtherShape = [.. otherShape.Select(name => new ShapeDifference { Name = name, InFile = sources[name].Shape, InModule = targets[name].shape })],
            OtherType = [.. otherType.Except(converted)],
            Unreadable = unreadable,
            KeptCounters = counters,
            Ignored = ignored,
        };

        // PyTorch has counted the batches of normalisations since version 2 of their state.
        bool IsUncounted(string name)
        {
            if (!name.EndsWith(Counter, StringComparison.Ordinal) || !sources.TryGetValue(name[..^Counter.Length] + CountedMean, out var mean))
                return false;
            var layer = mean.Name.EndsWith(CountedMean, StringComparison.Ordinal) ? mean.Name[..^CountedMean.Length].TrimEnd('.') : "";
            return file.Versions.GetValueOrDefault(layer) < 2;
        }

        bool IsIgnored(string name) =>
            !HasPrefix(name, options.AddPrefix)
            || options.Ignore.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false));

        TypeDifference Types(string name) => new() { Name = name, InFile = sources[name].Type, InModule = targets[name].dtype };
    }

    private static IEnumerable<(string Prefix, ILaterWeights Module)> WithLaterWeights(nn.Module module) =>
        module.named_modules().Select(pair => (Prefix: pair.name + ".", pair.module)).Prepend((Prefix: "", module))
            .Where(pair => pair.module is ILaterWeights).Select(pair => (pair.Prefix, (ILaterWeights)pair.module));

    /// <summary>Among several state dicts, the one that has the most names in common with the module.</summary>
    private static string? Choose(IReadOnlyList<(string Key, IReadOnlyList<string> Names)> candidates, nn.Module module, LoadOptions options)
    {
        var targets = module.state_dict().Keys.ToHashSet();
        var ranked = candidates.Select(candidate => (candidate.Key, Found: candidate.Names.Count(IsTarget))).OrderByDescending(pair => pair.Found).ToArray();
        return ranked[0].Found > ranked[1].Found ? ranked[0].Key : null;

        bool IsTarget(string name)
        {
            var prefix = options.StripPrefix ?? DataParallelPrefix;
            return targets.Contains(NameOf(name, prefix, options)) || (options.StripPrefix is null && targets.Contains(NameOf(name, "", options)));
        }
    }

    private static string NameOf(string name, string prefix, LoadOptions options)
    {
        var stripped = HasPrefix(name, prefix) ? name[prefix.Length..] : name;
        return options.AddPrefix + (options.Rename is null ? stripped : options.Rename(stripped));
    }

    private static MultiInputException NothingFits(
        WeightFile file, Dictionary<string, WeightEntry> sources, Dictionary<string, Tensor> targets, LoadReport plan)
    {
        string[] own = [.. sources.Keys.Except(plan.Ignored)];
        string[] modules = [.. targets.Keys.Except(plan.Ignored)];
        var (added, stripped) = (Prefix(modules, own), Prefix(own, modules));
        return file.Refuse(
            plan.OtherShape.Count + plan.OtherType.Count + plan.Unreadable.Count > 0
                ? $"nothing of it fits the module: {plan.Problems()}."
                : $"nothing of it fits the module: its names are {Few(own)}, and the module's {Few(modules)}.",
            added is not null ? $"Give LoadOptions.AddPrefix '{added}'."
            : stripped is not null ? $"Give LoadOptions.StripPrefix '{stripped}'."
            : "Use LoadOptions.AddPrefix, StripPrefix or Rename to turn them into names of the module.");

        // The prefix that most of the longer names have before one of the shorter names.
        static string? Prefix(string[] longer, string[] shorter)
        {
            const int Most = 1_000;
            return longer.Take(Most)
                .SelectMany(name => shorter.Take(Most).Where(end => name.EndsWith($".{end}", StringComparison.Ordinal)).Select(end => name[..^end.Length]))
                .CountBy(prefix => prefix).OrderByDescending(pair => pair.Value).FirstOrDefault().Key;
        }

        static string Few(string[] names) => names.Length == 0 ? "none"
            : string.Join(", ", names.Take(NamesShown).Select(name => $"'{name}'")) + (names.Length > NamesShown ? $" and {names.Length - NamesShown} more" : "");
    }

    private static bool HasPrefix(string name, string prefix) => name.StartsWith(prefix, StringComparison.Ordinal);
}
