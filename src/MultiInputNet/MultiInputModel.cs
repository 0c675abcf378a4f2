using System.Diagnostics.CodeAnalysis;
using MultiInputNet.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// One model for many inputs: each input has its projection, all share a base, and each task has its fusion and head. Created with
/// <see cref="Define"/>; a <c>torch.nn.Module</c> like any other.
/// </summary>
/// <remarks>
/// Keys of <c>state_dict</c>: <c>input_standardizations.INPUT</c>, <c>input_projections.INPUT</c>, <c>base_model</c>,
/// <c>input_bases.FIRST_INPUT</c> for bases of some inputs, <c>stem_bank</c> and <c>input_stem_banks.FIRST_INPUT</c> for what the stems of
/// a base's inputs share, <c>base_inputs.INPUT</c> for an input's own layers in its base, followed by the names of the base's layers,
/// <c>shared_fusion</c> for the fusion that tasks share, <c>fusions.TASK</c> for any other one, and <c>output_layers.TASK</c>.
/// </remarks>
[SuppressMessage("Naming", "CA1711", Justification = "A model is a module.")]
public sealed partial class MultiInputModel : nn.Module<IReadOnlyDictionary<string, Tensor>, IReadOnlyDictionary<string, Tensor>>
{
    // The names of these fields are the first parts of the keys of state_dict.
    private readonly NamedModules<Standardization> input_standardizations = new();
    private readonly NamedModules<nn.Module<Tensor, Tensor>> input_projections = new();
    private readonly SharedBase? base_model;
    private readonly StemBank? stem_bank;
    private readonly NamedModules<SharedBase> input_bases = new();
    private readonly NamedModules<StemBank> input_stem_banks = new();
    private readonly NamedModules<InputParts> base_inputs = new();
    private readonly nn.Module? shared_fusion;
    private readonly NamedModules<nn.Module> fusions = new();
    private readonly NamedModules<nn.Module<Tensor, Tensor>> output_layers = new();

    private readonly OrderedDictionary<string, InputPath> paths = [];
    private readonly OrderedDictionary<string, Route> routes = [];
    private bool disposed;

    internal MultiInputModel(
        ModelDescription description, Device? device, long largestModel = Limits.LargestModel, long largestPass = long.MaxValue, long? seed = null)
        : base(nameof(MultiInputModel))
    {
        Description = description;
        device ??= cuda.is_available() ? CUDA : CPU;
        using var drawing = GlobalRandom.Alone(seed, device);
        var assembly = new ModelAssembly(description, device, largestModel, largestPass);
        Warnings = assembly.Warnings;
        Built = new(this, description, assembly.Paths, assembly.Groups, assembly.Routes);
        base_model = assembly.Shared?.Base;
        stem_bank = assembly.Shared?.Stems;
        foreach (var (firstInput, own) in assembly.OwnBases)
        {
            input_bases.Add(firstInput, own.Base);
            input_stem_banks.Add(firstInput, own.Stems);
        }

        foreach (var path in assembly.Paths)
        {
            paths.Add(path.Name, path);
            input_projections.Add(path.Name, path.Projection);
            if (path.Standardization is not null)
                input_standardizations.Add(path.Name, path.Standardization);
            if (path.Own is not null)
                base_inputs.Add(path.Name, path.Own);
        }

        shared_fusion = assembly.SharedFusion;
        foreach (var route in assembly.Routes)
        {
            routes.Add(route.Task, route);
            if (!route.SharesFusion)
                fusions.Add(route.Task, route.Fusion);
            output_layers.Add(route.Task, route.Head);
        }

        RegisterComponents();

        // Its parts exist already; a module that does not know its device cannot be moved back to the CPU.
        this.to(assembly.Device);
    }

    /// <summary>The description from which the model was built.</summary>
    public ModelDescription Description { get; }

    /// <summary>
    /// What <c>Build</c>, and trainings since, noticed that is legal but probably a mistake; <see cref="Summary"/> prints it too.
    /// </summary>
    public IReadOnlyList<string> Warnings { get; private set; }

    /// <summary>
    /// Whether inputs of one call whose maps have the same size go through their base as one batch where only speed depends on it. If the
    /// base mixes the samples of a batch (batch normalisation in training mode, modules of your own), they always do, and inputs with their
    /// own layers in the base never do.
    /// </summary>
    /// <value>Default: <see langword="true"/>. The results are equal except for rounding.</value>
    public bool MergesInputs { get; set; } = true;

    /// <summary>The device that the model is on.</summary>
    public Device Device => parameters().FirstOrDefault()?.device ?? CPU;

    private (Device Device, ScalarType Type) DeviceAndType => fast is not null
        ? (CPU, ScalarType.Float32)
        : parameters().FirstOrDefault() is { } first ? (first.device, first.dtype) : (CPU, ScalarType.Float32);

    internal IEnumerable<InputPath> Paths => Built.Paths;

    internal IEnumerable<Route> Routes => Built.Routes;

    /// <summary>
    /// What several tasks share, in the order of the forward pass: the bases and, if all tasks go through it, the shared fusion. A fusion
    /// shared by only some tasks would tell methods that compare the tasks at the last shared layer nothing about the others.
    /// </summary>
    internal IEnumerable<nn.Module> SharedModules =>
        [.. paths.Values.Select(path => path.Base).Distinct(), .. shared_fusion is { } fusion && routes.Values.All(route => route.SharesFusion) ? [fusion] : Array.Empty<nn.Module>()];

    /// <summary>What it consists of.</summary>
    internal BuiltModel Built { get; }

    /// <summary>Adds what a training noticed.</summary>
    internal void AddWarnings(IEnumerable<string> added) => Warnings = [.. Warnings.Union(added)];

    /// <summary>Starts the description of a model.</summary>
    /// <returns>A builder.</returns>
    public static MultiInputModelBuilder Define() => new();

    /// <summary>Runs one input through to one task.</summary>
    /// <param name="input">A batch, shaped as the input is declared after the batch dimension.</param>
    /// <param name="task">A task that reads one input; or the name of an input that only one task reads, on its own.</param>
    /// <returns>The task's output, <c>(batch, outputs)</c>.</returns>
    /// <exception cref="MultiInputException">The name or the batch does not fit.</exception>
    public Tensor forward(Tensor input, string task)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(task);
        var route = FindRoute(task);
        if (route.Inputs.Count > 1)
        {
            throw new MultiInputException(
                $"task '{task}'", ModelComponent.Input, $"it reads {Shapes.Names(route.Inputs)}, but a single tensor was given.", "Call forward with a dictionary of its inputs.");
        }

        return Run(new Dictionary<string, Tensor> { [route.Inputs[0]] = input }, [route])[route.Task];
    }

    /// <summary>Runs one input through to one task, chosen by its position.</summary>
    /// <param name="input">A batch, shaped as the input is declared after the batch dimension.</param>
    /// <param name="taskIndex">The position of the task in the description, from 0.</param>
    /// <returns>The task's output, <c>(batch, outputs)</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such task.</exception>
    /// <exception cref="MultiInputException">The batch does not fit.</exception>
    public Tensor forward(Tensor input, int taskIndex)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(taskIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(taskIndex, routes.Count);
        return forward(input, routes.GetAt(taskIndex).Key);
    }

    /// <summary>
    /// Runs several inputs through to every task whose inputs are all given. Inputs whose maps have the same size go through the base as
    /// one batch (see <see cref="MergesInputs"/>), so that in training mode a batch normalisation that they share normalises them together.
    /// </summary>
    /// <param name="input">A batch for each input by its name. Batch sizes may differ between inputs that no task combines.</param>
    /// <returns>The output of each task by its name.</returns>
    /// <exception cref="MultiInputException">A name or a batch does not fit, or no task can run.</exception>
    public override IReadOnlyDictionary<string, Tensor> forward(IReadOnlyDictionary<string, Tensor> input)
    {
        ArgumentNullException.ThrowIfNull(input);
        ModelCall.CheckNames(Description, input.Keys);
        return Run(input, Choose(input, tasks: null));
    }

    /// <summary>Runs several inputs through to the named tasks only.</summary>
    /// <param name="input">A batch for each input by its name.</param>
    /// <param name="tasks">The tasks to run.</param>
    /// <returns>The output of each task by its name.</returns>
    /// <exception cref="MultiInputException">A name or a batch does not fit, or an input of a task is missing.</exception>
    public IReadOnlyDictionary<string, Tensor> forward(IReadOnlyDictionary<string, Tensor> input, IEnumerable<string> tasks)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(tasks);
        ModelCall.CheckNames(Description, input.Keys);
        return Run(input, Choose(input, tasks));
    }

    /// <summary>Runs inputs through their projections and bases.</summary>
    /// <param name="input">A batch for each input by its name.</param>
    /// <returns>
    /// The features of each input as its base produces them: a map, <c>(batch, channels, height, width)</c>, or tokens,
    /// <c>(batch, tokens, channels)</c>.
    /// </returns>
    /// <exception cref="MultiInputException">A name or a batch does not fit.</exception>
    public IReadOnlyDictionary<string, Tensor> forward_features(IReadOnlyDictionary<string, Tensor> input)
    {
        ArgumentNullException.ThrowIfNull(input);
        ModelCall.CheckNames(Description, input.Keys);
        return Run(input, [.. input.Keys], []).Features.ToDictionary(pair => pair.Key, pair => pair.Value.Values);
    }

    /// <summary>The head of a task.</summary>
    /// <param name="task">The task's name.</param>
    /// <returns>The head; a <see cref="TaskHead"/> unless the user provided a module of another type.</returns>
    /// <exception cref="MultiInputException">There is no such task.</exception>
    public nn.Module<Tensor, Tensor> Head(string task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return FindRoute(task).Head;
    }

    /// <summary>The head of a task, as its specific type.</summary>
    /// <typeparam name="THead">The type, such as <see cref="ClassificationHead"/>, or <see cref="TaskHead"/> for its loss and its predictions.</typeparam>
    /// <param name="task">The task's name.</param>
    /// <returns>The head.</returns>
    /// <exception cref="MultiInputException">There is no such task, or its head is of another type.</exception>
    public THead Head<THead>(string task)
        where THead : nn.Module<Tensor, Tensor> => Head(task) as THead ?? throw new MultiInputException(
            $"task '{task}'", ModelComponent.Head, $"its head is a {Head(task).GetType().Name}, not a {typeof(THead).Name}.", "Ask for its actual type.");

    /// <summary>
    /// A table of the model: each input's shape through its projection and base, each task's fusion and head, with
    /// parameters and multiply-accumulate operations (MACs) of the layers as they are described, for one sample; and for each base, which
    /// inputs share a batch where it mixes samples.
    /// </summary>
    /// <returns>The table as text of several lines.</returns>
    public string Summary() => ModelSummary.Print(Built, Device, Warnings);

    /// <summary>
    /// Reinitialises every adapted stem (<see cref="Projections.AdaptedStem"/>) from the current weights of its base's first convolution.
    /// Call it after loading trained weights into the base.
    /// </summary>
    public void AdaptStems()
    {
        foreach (var path in paths.Values)
            path.Stem?.Adapt(path.Base.FirstConvolution!);
    }

    /// <summary>Saves the weights and the description in one safetensors file, written next to an existing one and then renamed.</summary>
    /// <param name="path">
    /// The file. An existing one is replaced once the new one is complete, and passes on its permissions; if the path is a symbolic link,
    /// the file that it points to is written.
    /// </param>
    /// <exception cref="MultiInputException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed of.</exception>
    public void Save(string path)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ModelFile.Write(path, Description, state_dict());
    }

    /// <summary>Builds a model from a file written by <see cref="Save"/> and loads the file's weights.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">The device of the model; when null, CUDA if available and the CPU otherwise.</param>
    /// <param name="customModules">As for <see cref="ModelDescription.FromJson"/>.</param>
    /// <param name="trustTorchScript">
    /// Whether the file's TorchScript modules may run. They are programs: pass <see langword="true"/> only for files that you trust. Not
    /// needed for a model without such a base.
    /// </param>
    /// <param name="largestPass">
    /// The number of feature map values that may be in memory at one time when the shapes are checked with a sample of zeros, and of pairs
    /// of positions that attention may compare; by default as many as take 1 GB in single precision. A small file can declare an image of
    /// any size: raise this for large images in files that you trust.
    /// </param>
    /// <returns>The model, in evaluation mode and single precision.</returns>
    /// <exception cref="MultiInputException">
    /// The file is damaged, of a newer version of this library, or contains something else, a TorchScript module that is not trusted, or a
    /// description that asks for more memory.
    /// </exception>
    public static MultiInputModel Load(
        string path,
        Device? device = null,
        IReadOnlyDictionary<string, Delegate>? customModules = null,
        bool trustTorchScript = false,
        long largestPass = Limits.LargestPass)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(largestPass);
        Backend.Load();
        using var file = WeightFile.Open(path);

        // The model cannot have more weights than the file: a description that asks for more builds nothing.
        // Whatever is drawn at random is overwritten with the file's weights.
        var model = new MultiInputModel(
            ModelFile.ReadDescription(file, customModules, trustTorchScript), device, file.Entries.Sum(entry => entry.Count), largestPass, seed: 0);
        try
        {
            model.LoadWeights(file, new LoadOptions { StripPrefix = "" });
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        disposed = true;
        fast?.Dispose();
        base.Dispose(disposing);
    }

    internal Route FindRoute(string name) => routes.TryGetValue(name, out var route) ? route : routes[ModelCall.FindTask(Description, name).Name];

    /// <summary>Checks the batches and runs them.</summary>
    private ModelRun Run(IReadOnlyDictionary<string, Tensor> input, IReadOnlyList<string> names, IReadOnlyList<Route> tasks)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        foreach (var name in names)
            ModelCall.CheckThere(name, input[name]);
        foreach (var route in tasks)
            ModelCall.CheckJoined(route.Task, route.Inputs, input);
        var (device, type) = DeviceAndType;
        foreach (var name in names)
            ModelCall.CheckBatch(name, paths[name].Spec, paths[name].TakesAnyFloat, input[name], type, device);
        if (frozen.AnyTrains())
            frozen.SetModes(this, training);
        using var scope = NewDisposeScope();
        var run = new ModelRun(Built.Groups, [.. names.Select(name => (name, input[name]))], tasks, device, type, MergesInputs, fast);
        run.Execute();
        foreach (var given in tasks.Count > 0 ? run.Outputs.Values : run.Features.Values.Select(features => features.Values))
            given.MoveToOuterDisposeScope();
        return run;
    }

    private Dictionary<string, Tensor> Run(IReadOnlyDictionary<string, Tensor> input, IReadOnlyList<Route> tasks) =>
        Run(input, [.. tasks.SelectMany(route => route.Inputs).Distinct()], tasks).Outputs;

    private Route[] Choose(IReadOnlyDictionary<string, Tensor> input, IEnumerable<string>? tasks) =>
        [.. ModelCall.ChooseTasks(Description, input, tasks).Select(task => routes[task.Name])];
}
