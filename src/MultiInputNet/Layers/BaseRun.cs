using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// One run of a base, as its layers see it: whose maps go through, with which layers of their own, and where they enter. It is the
/// library's only ambient state (docs/ARCHITECTURE.md, "Ambient state"): hooks are called by <c>call(Tensor)</c> alone, which takes
/// nothing else along.
/// </summary>
internal sealed class BaseRun : IDisposable
{
    // A forward pass stays on its thread; several threads may run one model.
    [ThreadStatic]
    private static BaseRun? current;

    private readonly BaseRun? outer = current;
    private readonly IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>>? parts;
    private readonly List<nn.Module> resting = [];
    private (Tensor Map, Tensor Copy, Tensor Result)? folded;

    /// <summary>Begins the run, which lasts until it is disposed of; a hook may begin another within it.</summary>
    /// <param name="input">The input that the maps belong to; null where they belong to several.</param>
    /// <param name="parts">What that input has in the place of layers of the base, by those layers.</param>
    public BaseRun(string? input = null, IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>>? parts = null)
    {
        Input = input;
        this.parts = parts;
        current = this;
    }

    /// <summary>The run on this thread.</summary>
    public static BaseRun? Current => current;

    /// <summary>The input that the maps belong to; null where they belong to several.</summary>
    public string? Input { get; }

    /// <summary>The first convolution after which the next map enters its base; null where it enters at its beginning.</summary>
    public Conv2d? EntersAfter { get; set; }

    /// <summary>What the convolution of a folded projection took and gave last.</summary>
    public (Tensor Taken, Tensor Given)? Projected { get; set; }

    /// <summary>Runs the first layer of a base, or of layers that begin with it, on a map; one that enters after it passes.</summary>
    public static Tensor Begin(nn.Module<Tensor, Tensor> first, Tensor input)
    {
        if (current is not { EntersAfter: { } conv } || first != conv)
            return first.call(input);
        current.EntersAfter = null;
        return input;
    }

    /// <summary>What the input has in the place of a layer.</summary>
    /// <param name="layer">A layer of which each input has its own.</param>
    /// <param name="name">Its name in the base.</param>
    /// <exception cref="MultiInputException">No input is named: the base is not run by its model.</exception>
    public static nn.Module<Tensor, Tensor> PartOf(nn.Module layer, string name) => current?.parts?.GetValueOrDefault(layer) ?? throw new MultiInputException(
        "base", ModelComponent.Base, $"its layer '{name}' is each input's own, and no input is named.", "Run the base through its model.");

    /// <summary>
    /// Lets a result stand for what the first convolution makes of a map, unless a hook puts another map in its place or changes it.
    /// </summary>
    public void StandIn(Tensor map, Tensor result) => folded = (map, map.detach().clone(), result);

    /// <summary>What stands for the first convolution's result of a map; null where nothing does.</summary>
    public Tensor? FindStandIn(Tensor map)
    {
        if (folded is not var (given, copy, result) || !ReferenceEquals(map, given))
            return null;
        folded = null;
        return map.allclose(copy, rtol: 0, atol: 0, equal_nan: true) ? result : null;
    }

    /// <summary>Puts a normalisation that a part stands for into evaluation mode, so that its statistics stay, until it is woken or the run ends.</summary>
    public void Rest(nn.Module layer)
    {
        if (!layer.training)
            return;
        layer.eval();
        resting.Add(layer);
    }

    /// <summary>Puts a normalisation that <see cref="Rest"/> changed back into training mode.</summary>
    public void Wake(nn.Module layer)
    {
        if (resting.Remove(layer))
            layer.train();
    }

    public void Dispose()
    {
        resting.ForEach(layer => layer.train());
        current = outer;
    }
}
