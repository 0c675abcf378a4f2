using TorchSharp;

namespace MultiInputNet;

/// <summary>
/// Collects the description of a model, in any order, and builds the model once it is complete. Nothing is checked before
/// <see cref="Build"/>, which names whatever is wrong.
/// </summary>
public sealed class MultiInputModelBuilder
{
    private readonly List<InputDescription> inputs = [];
    private readonly List<BaseDescription> bases = [];
    private readonly List<TaskDescription> tasks = [];
    private FusionSpec? defaultFusion;
    private bool sharesFusion;

    internal MultiInputModelBuilder()
    {
    }

    /// <summary>Adds an input.</summary>
    /// <param name="name">Its name: letters, digits, <c>_</c> and <c>-</c>.</param>
    /// <param name="spec">Its kind and shape, from <see cref="MultiInputNet.Inputs"/>.</param>
    /// <param name="projection">Its projection to the base, from <see cref="Projections"/>; the default of its kind when null.</param>
    /// <returns>The builder.</returns>
    public MultiInputModelBuilder Input(string name, InputSpec spec, ProjectionSpec? projection = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(spec);
        inputs.Add(new() { Name = name, Spec = spec, Projection = projection });
        return this;
    }

    /// <summary>Sets the base that all inputs share, or gives some inputs a base of their own.</summary>
    /// <param name="spec">The base, from <see cref="Bases"/>.</param>
    /// <param name="inputs">The inputs that share this base among themselves; when null, all without a base of their own.</param>
    /// <param name="perInput">
    /// Which parts of the base's batch normalisations each input has for itself, initially equal to the base's; the base must then have
    /// batch normalisation. See <see cref="MultiInputModel.Grow"/> for a model that is already trained or loaded.
    /// </param>
    /// <param name="adapters">The small convolutions that each input has for itself at the base's convolutions.</param>
    /// <returns>The builder.</returns>
    public MultiInputModelBuilder Base(
        BaseSpec spec, IReadOnlyList<string>? inputs = null, PerInput perInput = PerInput.Nothing, Adapters adapters = Adapters.None)
    {
        ArgumentNullException.ThrowIfNull(spec);
        bases.Add(new() { Spec = spec, Inputs = inputs, PerInput = perInput, Adapters = adapters });
        return this;
    }

    /// <summary>Sets the fusion of all tasks that name none. Without it they flatten; tasks with several inputs concatenate.</summary>
    /// <param name="fusion">The fusion, from <see cref="Fusions"/>.</param>
    /// <param name="shared">Whether those tasks share a single module of it, with one set of weights; otherwise each has its own.</param>
    /// <returns>The builder.</returns>
    public MultiInputModelBuilder Fusion(FusionSpec fusion, bool shared = false)
    {
        ArgumentNullException.ThrowIfNull(fusion);
        (defaultFusion, sharesFusion) = (fusion, shared);
        return this;
    }

    /// <summary>Adds a task.</summary>
    /// <param name="name">Its name: letters, digits, <c>_</c> and <c>-</c>.</param>
    /// <param name="head">Its output layer, from <see cref="Heads"/>.</param>
    /// <param name="from">The inputs that it reads; when null, the one with its name. Several tasks may read the same input.</param>
    /// <param name="fusion">Its fusion, from <see cref="Fusions"/>; the model's when null.</param>
    /// <returns>The builder.</returns>
    public MultiInputModelBuilder Task(string name, HeadSpec head, IReadOnlyList<string>? from = null, FusionSpec? fusion = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(head);
        tasks.Add(new() { Name = name, Head = head, From = from, Fusion = fusion });
        return this;
    }

    /// <summary>The description so far, independent of any model.</summary>
    /// <returns>The description.</returns>
    public ModelDescription Describe() => new(inputs, bases, tasks, defaultFusion, sharesFusion);

    /// <summary>
    /// Builds the model. Zeros of each input's shape run through its projection and base on the model's device, in evaluation mode and
    /// without gradients, to determine the feature size of each head; training mode, buffers and random state are restored afterwards.
    /// </summary>
    /// <param name="device">The device of the model; when null, CUDA if available and the CPU otherwise.</param>
    /// <param name="seed">
    /// The seed of the weights: together with the description it determines them, on the CPU to the bit, and torch's random state is left
    /// as it is. When null, weights are drawn from that state.
    /// </param>
    /// <returns>The model, in training mode, with new weights.</returns>
    /// <exception cref="MultiInputException">The description has a mistake; the message names it and its cure.</exception>
    public MultiInputModel Build(torch.Device? device = null, long? seed = null) => Describe().Build(device, seed);
}
