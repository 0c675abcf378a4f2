using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Layers of the base of an input by name, and what they return when a sample passes through.</summary>
internal sealed class BaseLayers
{
    private readonly InputPath path;
    private readonly (string Name, nn.Module<Tensor, Tensor> Layer)[] layers;
    private readonly int thread = Environment.CurrentManagedThreadId;
    private readonly Dictionary<string, List<Tensor>> results = [];
    private DisposeScope? owner;

    /// <summary>Hooks layers.</summary>
    /// <param name="path">The input.</param>
    /// <param name="names">The layers.</param>
    /// <param name="scope">Removes the hooks.</param>
    /// <exception cref="MultiInputException">The base has no such layer, or it cannot be hooked.</exception>
    public BaseLayers(InputPath path, IEnumerable<string> names, Undisturbed scope)
    {
        this.path = path;
        layers = [.. names.Select(name => (name, Find(path, name)))];
        foreach (var (name, layer) in layers)
            scope.AtItsEnd(layer.register_forward_hook((_, _, result) => Keep(name, result)).remove);
    }

    /// <summary>The stages of the base that are single modules, from the last.</summary>
    public static IEnumerable<string> Stages(InputPath path) => path.Base.Stages
        .Where(stage => stage.Modules is [nn.Module<Tensor, Tensor> only] && only != path.Base).Select(stage => stage.Name).Reverse();

    /// <summary>Runs samples and keeps what the layers return.</summary>
    /// <param name="scope">Owns the results.</param>
    /// <param name="run">Runs them.</param>
    /// <returns>What <paramref name="run"/> returns, and the result of each layer in the order of the names; null if it did not run.</returns>
    public (T Value, IReadOnlyList<Tensor?> Results) Watch<T>(DisposeScope scope, Func<T> run)
    {
        owner = scope;
        results.Clear();
        try
        {
            var value = run();
            return (value, [.. layers.Select(layer => results.GetValueOrDefault(layer.Name) switch
            {
                null => null,
                [var only] => only,
                var several => throw new MultiInputException(
                    $"layer '{layer.Name}'", ModelComponent.Base, $"it runs {several.Count} times for a sample, so that it has several maps.", "Name a layer that runs once."),
            })]);
        }
        finally
        {
            owner = null;
        }
    }

    /// <summary>The exception for a layer that does not run for an input.</summary>
    public static MultiInputException NotRun(InputPath path, string layer) => new(
        $"layer '{layer}'",
        ModelComponent.Base,
        $"it does not run for input '{path.Name}'.",
        "Name another one: a stem of the input's own may stand for it, or modules of your own call it by forward.");

    private static nn.Module<Tensor, Tensor> Find(InputPath path, string name)
    {
        var stages = path.Base.Stages;
        var found = path.Base.named_modules().Where(pair => pair.name == name).Select(pair => pair.module).FirstOrDefault()
            ?? (stages.FirstOrDefault(stage => stage.Name == name) is { Modules: [var only] } ? only : null);
        return found as nn.Module<Tensor, Tensor> ?? throw new MultiInputException(
            $"layer '{name}'",
            ModelComponent.Base,
            found is null ? $"the base of input '{path.Name}' has no such layer." : "it takes or returns something other than one tensor.",
            $"Name one of its stages, {Shapes.Names(stages.Select(stage => stage.Name))}, or a module as in named_modules() of the base.");
    }

    private Tensor Keep(string name, Tensor result)
    {
        if (owner is null || Environment.CurrentManagedThreadId != thread)
            return result;
        if (!results.TryGetValue(name, out var all))
            results.Add(name, all = []);

        // What comes next may change its input in place, which is a copy then.
        all.Add(result.alias().GiveTo(owner));
        return result.clone();
    }
}
