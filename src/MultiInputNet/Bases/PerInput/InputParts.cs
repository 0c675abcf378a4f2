using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>What one input has of its own in a base: a tree with the names of the base's layers that the parts belong to.</summary>
internal sealed class InputParts() : nn.Module(nameof(InputParts))
{
    /// <summary>Adds the part of the layer that the base has under a name such as <c>stages.0.norm</c>.</summary>
    public void Add(string layer, nn.Module part)
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

    /// <summary>Gives the normalisations the values that the base's have now; adapters keep theirs.</summary>
    public void StartAsShared()
    {
        foreach (var part in modules().OfType<InputNormalization>())
            part.StartAsShared();
    }
}
