using System.Globalization;

namespace MultiInputNet.Weights;

/// <summary>
/// Finds the state dict in a PyTorch file. A state dict is a dictionary with tensors in it or in dictionaries inside it, whose keys are
/// then prepended to the names of the tensors.
/// </summary>
internal sealed class TorchState
{
    private const int DeepestState = 8;
    private const int MostChoices = 10;

    // The first of these that exists is taken.
    private static readonly string[] UsualKeys = ["state_dict", "model_state_dict", "model"];

    private readonly FileBytes file;
    private readonly PickledDictionary top;
    private readonly OrderedDictionary<string, PickledDictionary> nested = [];
    private readonly Dictionary<PickledDictionary, bool> withTensors = new(ReferenceEqualityComparer.Instance);

    private TorchState(FileBytes file, PickledDictionary top)
    {
        this.file = file;
        this.top = top;
        foreach (var item in top.Items)
        {
            if (item is (string name, PickledDictionary state) && HasTensors(state, 1))
                nested[name] = state;
        }
    }

    /// <summary>Reads the entries of the state dict.</summary>
    /// <param name="file">The file.</param>
    /// <param name="content">What its pickle describes.</param>
    /// <param name="key">
    /// The key of the state dict, or the keys that lead to it, separated by dots; empty for the file itself with everything in it; null to
    /// search for it.
    /// </param>
    /// <param name="choose">Chooses among several.</param>
    public static WeightContent Read(FileBytes file, Pickled content, string? key, StateChoice? choose)
    {
        if (content.Value is not PickledDictionary top || (top.ClassName is not null && top.Items.Count == 0))
        {
            throw content.Unknown is { } unknown
                ? TorchPickle.Forbidden(file, unknown)
                : file.Refuse("it holds no dictionary of tensors.", "Save a state dict in Python: torch.save(model.state_dict(), path).");
        }

        var states = new TorchState(file, top);
        if (content.Unknown is { } first && states.nested.Count == 0 && !Tensors(top).Any())
            throw TorchPickle.Forbidden(file, first);
        var (found, state) = key is null ? states.Search(choose) : (key, states.Find(key));

        // A state dict of tensors only has no keys to prepend to their names.
        var (entries, versions) = Flatten(state, isDeep: found is not null);
        return new(WeightFormat.PyTorch, [.. entries.Select(entry => Entry(file, entry.Name, entry.Tensor))], Texts(top), found is "" && states.nested.Count == 0 ? null : found)
        {
            Versions = versions,
        };
    }

    private (string? Key, PickledDictionary State) Search(StateChoice? choose)
    {
        if (UsualKeys.FirstOrDefault(nested.ContainsKey) is { } usual)
            return (usual, nested[usual]);

        // A number that a checkpoint stores as a tensor, such as its best accuracy, does not make it a state dict.
        var own = Tensors(top).ToArray();
        if (own.Length > 0 && (nested.Count == 0 || own.Any(item => item.Tensor.Shape.Length > 0)))
            return (null, top);
        var models = nested.Keys.Where(name => !IsOptimizer(name)).ToArray();
        var found = models.Length > 0 ? models : [.. nested.Keys];
        if (found.Length == 0)
            throw file.Refuse("it holds no state dict: no dictionary with tensors in it.", "Save one in Python: torch.save(model.state_dict(), path).");
        if (found.Length == 1)
            return (found[0], nested[found[0]]);
        if (choose is not null && found.Length <= MostChoices)
        {
            var choices = found.Select(name => (name, Names(nested[name]))).Append(("", Names(WithoutOptimizers()))).ToArray();
            if (choose(choices) is { } chosen)
                return (chosen, Find(chosen));
        }

        throw file.Refuse($"it holds {found.Length} state dicts.", Cure("Name the one to read as key", found));
    }

    private PickledDictionary Find(string key)
    {
        if (key.Length == 0)
            return nested.Count > 0 || Tensors(top).Any() ? WithoutOptimizers() : throw file.Refuse("it holds no state dict: no dictionary with tensors in it.");
        if (nested.TryGetValue(key, out var state))
            return state;
        state = top;
        foreach (var part in key.Split('.'))
            state = state?.Items.LastOrDefault(item => item.Key is string name && name == part).Value as PickledDictionary;
        return state is not null && HasTensors(state, 1) ? state : throw file.Refuse($"it has no state dict '{key}'.", Cure("Name one of its state dicts", nested.Keys));
    }

    private PickledDictionary WithoutOptimizers()
    {
        var all = new PickledDictionary { Attributes = top.Attributes };
        all.Items.AddRange(top.Items.Where(item => item is not (string name, PickledDictionary) || !IsOptimizer(name)));
        return all;
    }

    private static bool IsOptimizer(string key) => key.StartsWith("optim", StringComparison.Ordinal);

    private static string Cure(string text, IEnumerable<string> keys) =>
        keys.Any() ? $"{text}: {Shapes.Names(keys.Take(10))}." : "Leave the key out, or save a state dict under it.";

    private static IReadOnlyList<string> Names(PickledDictionary state) => [.. Flatten(state, isDeep: true).Entries.Select(entry => entry.Name)];

    /// <summary>The tensors of a dictionary and of those inside it; each dictionary once, since it may contain itself.</summary>
    private static (List<(string Name, PickledTensor Tensor)> Entries, Dictionary<string, long> Versions) Flatten(PickledDictionary state, bool isDeep)
    {
        var entries = new List<(string, PickledTensor)>();
        var versions = new Dictionary<string, long>();
        var seen = new HashSet<PickledDictionary>(ReferenceEqualityComparer.Instance);
        Add("", state, 0);
        return (entries, versions);

        void Add(string prefix, PickledDictionary dictionary, int depth)
        {
            if (!seen.Add(dictionary))
                return;
            foreach (var (key, value) in dictionary.Items)
            {
                if (key is not string name)
                    continue;
                if (value is PickledTensor tensor)
                    entries.Add((prefix + name, tensor));
                else if (value is PickledDictionary inner && isDeep && depth < DeepestState)
                    Add($"{prefix}{name}.", inner, depth + 1);
            }

            var layers = dictionary.Attributes?.Items.LastOrDefault(item => item.Key is "_metadata").Value as PickledDictionary;
            foreach (var (key, value) in layers?.Items ?? [])
            {
                if (key is string layer && (value as PickledDictionary)?.Items.LastOrDefault(item => item.Key is "version").Value is long version)
                    versions[prefix + layer] = version;
            }
        }
    }

    private bool HasTensors(PickledDictionary dictionary, int depth)
    {
        if (withTensors.TryGetValue(dictionary, out var known))
            return known;
        withTensors[dictionary] = false;
        return withTensors[dictionary] = Tensors(dictionary).Any()
            || (depth < DeepestState && dictionary.Items.Any(item => item is (string, PickledDictionary inner) && HasTensors(inner, depth + 1)));
    }

    private static IEnumerable<(string Name, PickledTensor Tensor)> Tensors(PickledDictionary dictionary) =>
        dictionary.Items.Where(item => item is (string, PickledTensor)).Select(item => ((string)item.Key!, (PickledTensor)item.Value!));

    private static WeightEntry Entry(FileBytes file, string name, PickledTensor tensor) => tensor.Storage is null
        ? new WeightEntry(file, name, tensor.Shape, tensor.Oddity!)
        : new WeightEntry(file, name, tensor.Storage, tensor.Shape, tensor.Strides, tensor.Offset);

    private static Dictionary<string, string> Texts(PickledDictionary dictionary)
    {
        var texts = new Dictionary<string, string>();
        foreach (var (key, value) in dictionary.Items)
        {
            if (key is string name && value is string or long or double or bool)
                texts[name] = Convert.ToString(value, CultureInfo.InvariantCulture)!;
        }

        return texts;
    }
}
