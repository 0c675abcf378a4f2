using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Gives the layers of a base, whatever modules it consists of, a part for each input. Normalisations of this library run the part
/// themselves; at others, and at convolutions, hooks put it in the place of their result or add it. The <see cref="BaseRun"/> knows whose
/// maps go through.
/// </summary>
internal sealed class InputLayers
{
    private readonly PerInput perInput;
    private readonly Adapters adapters;
    private readonly (string Name, BatchNorm Layer)[] norms = [];
    private readonly (string Name, Conv2d Layer)[] convs = [];
    private readonly HashSet<string> unseen;

    /// <summary>Finds the layers of a base and hooks them.</summary>
    public InputLayers(SharedBase sharedBase, PerInput perInput, Adapters adapters)
    {
        this.perInput = perInput;
        this.adapters = adapters;
        var layers = sharedBase.named_modules().DistinctBy(layer => layer.module).ToArray();
        if (perInput != PerInput.Nothing)
            norms = [.. layers.Where(layer => layer.module is BatchNorm).Select(layer => (layer.name, (BatchNorm)layer.module))];
        if (adapters != Adapters.None)
            convs = [.. layers.Where(layer => layer.module is Conv2d conv && conv.kernel_size.Any(size => size > 1)).Select(layer => (layer.name, (Conv2d)layer.module))];
        foreach (var (name, norm) in norms)
            Hook(name, norm);
        foreach (var (name, conv) in convs)
            Hook(name, conv);
        unseen = [.. norms.Where(norm => norm.Layer is not BatchNormalization).Select(norm => norm.Name), .. convs.Select(conv => conv.Name)];
    }

    /// <summary>A layer that no map has come through by <c>call</c>, so that its hooks do not work; null where there is none.</summary>
    /// <param name="replaced">A convolution that the input's stem stands for, and that none had to come through.</param>
    public string? FindUnseen(Conv2d? replaced) => unseen.FirstOrDefault(name => !convs.Any(conv => conv.Name == name && conv.Layer == replaced));

    /// <summary>What keeps the base from having parts, and the cure; null when nothing does.</summary>
    public (string Problem, string Cure)? FindMistake()
    {
        if (perInput != PerInput.Nothing && norms.Length == 0)
        {
            return ($"it keeps its {perInput.ToString().ToLowerInvariant()} per input, and has no batch normalisation.",
                "Leave perInput out (other normalisations keep no statistics), or give it one: Bases.ConvNet(...) with { Normalization = Normalization.Batch }.");
        }

        if (adapters != Adapters.None && convs.Length == 0)
            return ("it has adapters, and no convolution (Conv2d) larger than 1×1 to put them at.", "Leave adapters out.");
        if (adapters == Adapters.Parallel && convs.FirstOrDefault(conv => !KeepsSize(conv.Layer)) is { Layer: { } changing } found)
        {
            return ($"its convolution '{found.Name}' of {Shapes.Sizes(changing.kernel_size)} is not padded to keep the map's size, which the adapter beside it does.",
                "Pad it, or put the adapters behind the convolutions: Adapters.Series.");
        }

        return null;
    }

    /// <summary>Whether each input has an adapter at a convolution.</summary>
    public bool Adapts(Conv2d conv) => convs.Any(adapted => adapted.Layer == conv);

    /// <summary>Adds what the adapter at a convolution gives to the result of something that ran in the convolution's place.</summary>
    /// <param name="conv">The convolution, one that <see cref="Adapts"/>.</param>
    /// <param name="input">Makes the map that the convolution would have taken, where the adapter takes it too.</param>
    /// <param name="result">What stands for the convolution's result.</param>
    public Tensor AddAdapter(Conv2d conv, Func<Tensor> input, Tensor result) =>
        AddAdapter(convs.First(adapted => adapted.Layer == conv).Name, conv, input, result);

    /// <summary>The values that the parts of one input have.</summary>
    /// <param name="replaced">A convolution that the input's stem stands for, and that needs no adapter therefore.</param>
    public Int128 CountWeights(Conv2d? replaced) => norms.Aggregate((Int128)0, (sum, norm) => sum + 2 * norm.Layer.num_features)
        + convs.Where(conv => conv.Layer != replaced)
            .Aggregate((Int128)0, (sum, conv) => sum + (Int128)AdapterChannels(conv.Layer) * (conv.Layer.out_channels / conv.Layer.groups));

    /// <summary>Whether an input has parts, with a stem that stands for a convolution or without.</summary>
    public bool HasParts(Conv2d? replaced) => norms.Length > 0 || convs.Any(conv => conv.Layer != replaced);

    /// <summary>Makes the parts of an input.</summary>
    /// <param name="replaced">A convolution that the input's stem stands for, and that needs no adapter therefore.</param>
    public InputParts Create(Conv2d? replaced)
    {
        var own = new InputParts();
        foreach (var (name, norm) in norms)
            own.Add(name, norm, new InputNormalization(norm, affine: perInput == PerInput.Normalization));
        foreach (var (name, conv) in convs.Where(conv => conv.Layer != replaced))
            own.Add(name, conv, Adapter(conv));
        return own;
    }

    private static bool KeepsSize(Conv2d conv) => conv.padding is null
        ? conv.padding_type == Padding.Same
        : conv.padding.Zip(conv.kernel_size, conv.dilation).All(d => 2 * d.First == d.Third * (d.Second - 1));

    private long AdapterChannels(Conv2d conv) => adapters == Adapters.Parallel ? conv.in_channels : conv.out_channels;

    /// <summary>A 1×1 convolution of zeros, grouped as the convolution that it belongs to.</summary>
    private Conv2d Adapter(Conv2d conv)
    {
        var stride = adapters == Adapters.Parallel ? (conv.stride[0], conv.stride[1]) : (1, 1);
        var adapter = nn.Conv2d(AdapterChannels(conv), conv.out_channels, (1, 1), stride, groups: conv.groups, bias: false);
        nn.init.zeros_(adapter.weight);
        return adapter;
    }

    private void Hook(string name, BatchNorm norm)
    {
        if (norm is BatchNormalization own)
        {
            own.PerInput = name;
            return;
        }

        // The normalisation of a user's module cannot be taken out of it. It takes the map, for hooks to see, in evaluation mode, in
        // which its statistics stay as they are, and what it makes of that is replaced.
        norm.register_forward_pre_hook((_, input) =>
        {
            BaseRun.PartOf(norm, name);
            BaseRun.Current!.Rest(norm);
            return input;
        });
        Hooks.Register(norm, (_, input, result) =>
        {
            BaseRun.Current?.Wake(norm);
            result.Dispose();
            return RunPart(name, norm, input);
        });
    }

    private void Hook(string name, Conv2d conv) => Hooks.Register(conv, (_, input, result) => AddAdapter(name, conv, () => input, result));

    private Tensor AddAdapter(string name, Conv2d conv, Func<Tensor> input, Tensor result)
    {
        using var scope = NewDisposeScope();
        return (result + RunPart(name, conv, adapters == Adapters.Parallel ? input() : result)).MoveToOuterDisposeScope();
    }

    private Tensor RunPart(string name, nn.Module layer, Tensor input)
    {
        // Nothing is left to remove once the model is built: from then on several threads may come here.
        if (unseen.Count > 0)
            unseen.Remove(name);
        return BaseRun.PartOf(layer, name).call(input);
    }
}
