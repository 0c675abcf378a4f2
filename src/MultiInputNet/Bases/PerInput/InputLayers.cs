using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Gives each input its own part of the layers of a base, whatever modules it consists of. Normalisations of this library run the part
/// themselves; on others, and on convolutions, hooks replace their result by that of the part or add it. The <see cref="BaseRun"/> knows
/// whose maps are being run.
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

    /// <summary>A layer that no map has reached through <c>call</c>, so that its hooks do not work; null if there is none.</summary>
    /// <param name="replaced">A convolution that the input's stem replaces, and that therefore need not be reached.</param>
    public string? FindUnseen(Conv2d? replaced) => unseen.FirstOrDefault(name => !convs.Any(conv => conv.Name == name && conv.Layer == replaced));

    /// <summary>What prevents the base from having parts per input, and the cure; null if nothing does.</summary>
    public (string Problem, string Cure)? FindMistake()
    {
        if (perInput != PerInput.Nothing && norms.Length == 0)
        {
            return ($"it keeps its {perInput.ToString().ToLowerInvariant()} per input, but has no batch normalisation.",
                "Omit perInput (other normalisations keep no statistics), or give it one: Bases.ConvNet(...) with { Normalization = Normalization.Batch }.");
        }

        if (adapters != Adapters.None && convs.Length == 0)
            return ("it has adapters, but no convolution (Conv2d) larger than 1×1 for them.", "Omit adapters.");
        if (adapters == Adapters.Parallel && convs.FirstOrDefault(conv => !KeepsSize(conv.Layer)) is { Layer: { } changing } found)
        {
            return ($"its convolution '{found.Name}' of {Shapes.Sizes(changing.kernel_size)} is not padded to keep the map's size, which the adapter beside it does.",
                "Pad it, or put the adapters after the convolutions: Adapters.Series.");
        }

        return null;
    }

    /// <summary>Whether each input has an adapter at a convolution.</summary>
    public bool Adapts(Conv2d conv) => convs.Any(adapted => adapted.Layer == conv);

    /// <summary>Adds the result of a convolution's adapter to the result of whatever ran instead of the convolution.</summary>
    /// <param name="conv">The convolution, one for which <see cref="Adapts"/> holds.</param>
    /// <param name="input">Computes the map that the convolution would have taken, if the adapter takes it too.</param>
    /// <param name="result">The replacement of the convolution's result.</param>
    public Tensor AddAdapter(Conv2d conv, Func<Tensor> input, Tensor result) =>
        AddAdapter(convs.First(adapted => adapted.Layer == conv).Name, conv, input, result);

    /// <summary>The number of values in the parts of one input.</summary>
    /// <param name="replaced">A convolution that the input's stem replaces, and that therefore needs no adapter.</param>
    public Int128 CountWeights(Conv2d? replaced) => norms.Aggregate((Int128)0, (sum, norm) => sum + 2 * norm.Layer.num_features)
        + convs.Where(conv => conv.Layer != replaced)
            .Aggregate((Int128)0, (sum, conv) => sum + (Int128)AdapterChannels(conv.Layer) * (conv.Layer.out_channels / conv.Layer.groups));

    /// <summary>Whether an input has parts, with or without a stem that replaces a convolution.</summary>
    public bool HasParts(Conv2d? replaced) => norms.Length > 0 || convs.Any(conv => conv.Layer != replaced);

    /// <summary>Creates the parts of an input.</summary>
    /// <param name="replaced">A convolution that the input's stem replaces, and that therefore needs no adapter.</param>
    public InputParts Create(Conv2d? replaced)
    {
        var own = new InputParts { AdaptersFollow = adapters == Adapters.Series };
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

    /// <summary>A 1×1 convolution of zeros, grouped like the convolution to which it belongs.</summary>
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

        // The normalisation of a user's module cannot be removed from it. It takes the map, for hooks to see, in evaluation mode, in which
        // its statistics do not change, and its result is replaced.
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
        // Nothing is removed any more once the model is built: from then on several threads may come here.
        if (unseen.Count > 0)
            unseen.Remove(name);
        return BaseRun.PartOf(layer, name).call(input);
    }
}
