using MultiInputNet.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The base that all inputs share. Derive from it to write your own, or <see cref="Wrap"/> any module.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, <see cref="Channels"/>, height, width)</c> in, in the channels-last memory layout; out, a map,
/// <c>(batch, channels, height, width)</c>, or tokens, <c>(batch, tokens, channels)</c>, distinguished by their dimensions.
/// </remarks>
public abstract class SharedBase : nn.Module<Tensor, Tensor>
{
    /// <summary>Creates the base.</summary>
    /// <param name="name">The name of the module's type.</param>
    /// <param name="channels">The number of channels that it takes, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The channel count is below 1.</exception>
    protected SharedBase(string name, int channels)
        : base(name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        Channels = channels;
    }

    /// <summary>The number of channels that this base takes; every input is projected to them.</summary>
    public int Channels { get; }

    /// <summary>
    /// Its stages from input to output; run one after another, they do what <c>forward</c> does. They can be frozen and trained separately,
    /// and their results inspected by name. Whatever is in none of their modules, such as parameters of the base itself, goes with the
    /// first stage, as tokens and position embeddings do in timm.
    /// </summary>
    /// <value>Default: a single stage, <c>base</c>.</value>
    public virtual IReadOnlyList<BaseStage> Stages => [new("base", [this], call)];

    /// <summary>The maps, or tokens, after every stage.</summary>
    /// <param name="input">A map, <c>(batch, <see cref="Channels"/>, height, width)</c>.</param>
    /// <returns>The result of each stage by the stage's name, in order; the last is that of <c>forward</c>.</returns>
    public IReadOnlyDictionary<string, Tensor> forward_stages(Tensor input)
    {
        using var scope = NewDisposeScope();
        var given = new OrderedDictionary<string, Tensor>();
        var features = new FeatureSet(input);
        foreach (var stage in Stages)
            given.Add(stage.Name, (features = stage.Run(features)).Values);
        foreach (var values in given.Values)
            values.MoveToOuterDisposeScope();
        return given;
    }

    /// <summary>Each stage with all modules that belong to it, including those below them: together they are the whole base.</summary>
    internal IReadOnlyList<(string Name, IReadOnlyList<nn.Module> Modules)> WholeStages()
    {
        var stages = Stages.Select(stage => (stage.Name, Modules: stage.Modules.SelectMany(module => module.modules().Prepend(module)).ToList())).ToArray();
        var known = stages.SelectMany(stage => stage.Modules).ToHashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        stages[0].Modules.AddRange(modules().Prepend(this).Where(module => !known.Contains(module)));
        return [.. stages.Select(stage => (stage.Name, (IReadOnlyList<nn.Module>)stage.Modules))];
    }

    /// <summary>The first convolution, which an adapted stem or a folded projection can replace; null if there is none.</summary>
    internal virtual Conv2d? FirstConvolution => null;

    /// <summary>Turns any module that takes a feature map and returns one, or tokens, into a base.</summary>
    /// <param name="module">The module; the base owns it from now on.</param>
    /// <param name="channels">The number of channels that it takes, at least 1.</param>
    /// <returns>The base.</returns>
    public static SharedBase Wrap(nn.Module<Tensor, Tensor> module, int channels) =>
        module as SharedBase ?? new WrappedBase(module, channels);

    private sealed class WrappedBase : SharedBase, IOnnxModule
    {
        private readonly nn.Module<Tensor, Tensor> module;

        public WrappedBase(nn.Module<Tensor, Tensor> module, int channels)
            : base(nameof(WrappedBase), channels)
        {
            ArgumentNullException.ThrowIfNull(module);
            this.module = module;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => module.call(input);

        public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs) => graph.Run(module, inputs);
    }
}
