using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// One run of a base, as its layers see it: whose maps are being run, with which layers of their own, and where they enter. It is the
/// library's only ambient state (docs/ARCHITECTURE.md, "Ambient state"): hooks are called by <c>call(Tensor)</c>, which passes nothing else
/// along.
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

    /// <summary>Begins the run, which lasts until it is disposed of; a hook may begin another one within it.</summary>
    /// <param name="input">The input to which the maps belong; null if they belong to several.</param>
    /// <param name="parts">What that input has instead of layers of the base, by those layers.</param>
    public BaseRun(string? input = null, IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>>? parts = null)
    {
        Input = input;
        this.parts = parts;
        current = this;
    }

    /// <summary>The current run of this thread.</summary>
    public static BaseRun? Current => current;

    /// <summary>The input to which the maps belong; null if they belong to several.</summary>
    public string? Input { get; }

    /// <summary>The first convolution after which the maps enter their base; null if they enter at the beginning.</summary>
    public Conv2d? EntersAfter { get; set; }

    /// <summary>The last input and result of a folded projection's convolution.</summary>
    public (Tensor Taken, Tensor Given)? Projected { get; set; }

    /// <summary>
    /// Runs the first layer of a base, or layers that begin with it, on a map; a map that enters after it passes through unchanged.
    /// </summary>
    public static Tensor Begin(nn.Module<Tensor, Tensor> first, Tensor input) =>
        current?.EntersAfter is { } conv && first == conv ? input : first.call(input);

    /// <summary>What the input has instead of a layer.</summary>
    /// <param name="layer">A layer of which each input has its own.</param>
    /// <param name="name">Its name in the base.</param>
    /// <exception cref="MultiInputException">No input is named: the base is not run by its model.</exception>
    public static nn.Module<Tensor, Tensor> PartOf(nn.Module layer, string name) => current?.parts?.GetValueOrDefault(layer) ?? throw new MultiInputException(
        "base", ModelComponent.Base, $"its layer '{name}' is specific to each input, but no input is named.", "Run the base through its model.");

    /// <summary>
    /// Makes a result replace that of the first convolution for a map, unless a hook substitutes or changes the map.
    /// </summary>
    public void StandIn(Tensor map, Tensor result) => folded = (map, map.detach().clone(), result);

    /// <summary>The replacement of the first convolution's result for a map; null if there is none.</summary>
    public Tensor? FindStandIn(Tensor map)
    {
        if (folded is not var (given, copy, result) || !ReferenceEquals(map, given) || !map.allclose(copy, rtol: 0, atol: 0, equal_nan: true))
            return null;

        // Not the result itself, which what comes next may change in place: a hook may run the convolution too.
        return result.clone();
    }

    /// <summary>
    /// Puts a normalisation that a part replaces into evaluation mode, so that its statistics do not change, until it is woken or the run
    /// ends.
    /// </summary>
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
