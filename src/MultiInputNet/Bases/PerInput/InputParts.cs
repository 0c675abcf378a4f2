using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The layers that one input has for itself in a base: a tree with the names of the base's layers to which they belong.</summary>
internal sealed class InputParts() : nn.Module(nameof(InputParts))
{
    private readonly Dictionary<nn.Module, nn.Module<Tensor, Tensor>> byLayer = new(ReferenceEqualityComparer.Instance);

    /// <summary>The parts by the layers of the base to which they belong.</summary>
    public IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>> ByLayer => byLayer;

    /// <summary>Whether its adapters come after the convolutions that they adapt, instead of beside them.</summary>
    public bool AdaptersFollow { get; init; }

    /// <summary>Adds the part of a layer.</summary>
    /// <param name="name">The layer's name in the base, such as <c>stages.0.norm</c>.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="part">Its part.</param>
    public void Add(string name, nn.Module layer, nn.Module<Tensor, Tensor> part)
    {
        byLayer.Add(layer, part);
        Add(name, part);
    }

    private void Add(string layer, nn.Module part)
    {
        if (layer.Split('.', 2) is not [var first, var rest])
        {
            register_module(layer, part);
            return;
        }

        if (named_children().FirstOrDefault(child => child.name == first).module is not InputParts branch)
            register_module(first, branch = new InputParts());
        branch.Add(rest, part);
    }

    /// <summary>Copies the current values of the base's normalisations; adapters keep theirs.</summary>
    public void StartAsShared()
    {
        foreach (var part in modules().OfType<InputNormalization>())
            part.StartAsShared();
    }
}
