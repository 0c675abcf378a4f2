using MultiInputNet.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A task's output layer. It defines its loss, what a missing label looks like and by which metrics it is judged. Derive from it to write
/// a head that a trainer can train.
/// </summary>
/// <remarks>Shapes: <c>(batch, features)</c> in, <c>(batch, <see cref="Outputs"/>)</c> out.</remarks>
public abstract class TaskHead : nn.Module<Tensor, Tensor>
{
    /// <summary>Creates the head.</summary>
    /// <param name="name">The name of the module's type.</param>
    /// <param name="outputs">The number of values per sample, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1.</exception>
    protected TaskHead(string name, int outputs)
        : base(name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        Outputs = outputs;
    }

    /// <summary>The number of values per sample.</summary>
    public int Outputs { get; }

    /// <summary>The mean loss over the labels present; 0, with a gradient of 0, if there are none.</summary>
    /// <param name="output">The result of <c>forward</c>, <c>(batch, outputs)</c>.</param>
    /// <param name="target">The labels, in the form that the head documents.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="MultiInputException">The labels have another shape, type or range.</exception>
    public abstract Tensor Loss(Tensor output, Tensor target);

    /// <summary>The result in the form in which a person would state it: class numbers, yes or no per label, or the values.</summary>
    /// <param name="output">The result of <c>forward</c>, <c>(batch, outputs)</c>.</param>
    /// <returns>The predictions; the head documents their shape.</returns>
    public abstract Tensor Predict(Tensor output);

    /// <summary>What kind of answer the head gives for a sample.</summary>
    /// <value>Default: a class where there are <see cref="Classes"/>, and values otherwise.</value>
    public virtual PredictionKind PredictionKind => Classes is null ? PredictionKind.Values : PredictionKind.Class;

    /// <summary>
    /// The numbers of its answers (see <see cref="Prediction"/>): for each sample the probability of every class or label, or the values.
    /// </summary>
    /// <value>
    /// Default: the softmax of the output for a class, its sigmoid for labels, and <see cref="Predict"/> for values. Override it where that
    /// is not what the output means.
    /// </value>
    /// <param name="output">The result of <c>forward</c>, <c>(batch, outputs)</c>.</param>
    /// <returns>The numbers, <c>(batch, ...)</c>.</returns>
    public virtual Tensor Answer(Tensor output)
    {
        ArgumentNullException.ThrowIfNull(output);
        return PredictionKind switch
        {
            PredictionKind.Class => output.softmax(1, AtLeastSingle(output)),
            PredictionKind.Labels => output.to(AtLeastSingle(output)).sigmoid(),
            _ => Predict(output),
        };
    }

    /// <summary><see cref="Answer"/> as ONNX operations, which must agree with it.</summary>
    /// <value>
    /// Default: the softmax of the output for a class, its sigmoid for labels, and the output itself for values. If
    /// <see cref="Answer"/> gives other numbers, the default refuses to export: override both, without calling it.
    /// </value>
    /// <param name="graph">The graph.</param>
    /// <param name="output">The result of <c>forward</c>.</param>
    /// <returns>The numbers, <c>(batch, ...)</c>.</returns>
    /// <exception cref="MultiInputException"><see cref="Answer"/> was overridden, and this was not.</exception>
    public virtual OnnxValue ExportAnswer(OnnxGraph graph, OnnxValue output)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(output);
        if (!GivesPlainAnswers(output))
        {
            throw new MultiInputException(
                $"head {GetType().Name}",
                ModelComponent.Head,
                $"its {nameof(Answer)} is not {(PredictionKind == PredictionKind.Class ? "the softmax of its output" : PredictionKind == PredictionKind.Labels ? "the sigmoid of its output" : "its output")}.",
                $"Override {nameof(ExportAnswer)} as well, or export with RawOutputs.");
        }

        return PredictionKind switch
        {
            PredictionKind.Class => graph.Node("Softmax", [output], output.Shape, attributes: [("axis", 1L)]),
            PredictionKind.Labels => graph.Node("Sigmoid", [output], output.Shape),
            _ => output,
        };
    }

    /// <summary>Whether the answers for some outputs, from tiny to large, are those of the default.</summary>
    private bool GivesPlainAnswers(OnnxValue output)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        long[] shape = [64, .. output.Shape.Skip(1).Select(size => Math.Max(size, 1))];
        var count = shape.Aggregate((product, size) => product * size);
        var steps = arange(count, ScalarType.Float64);
        var probe = (steps.sin() * exp(steps % 13 - 6)).to(output.Type ?? ScalarType.Float32).view(shape);
        var plain = PredictionKind switch
        {
            PredictionKind.Class => probe.softmax(1),
            PredictionKind.Labels => probe.sigmoid(),
            _ => probe,
        };
        var answer = Answer(probe);
        return answer.shape.SequenceEqual(shape) && (answer.to(ScalarType.Float64) - plain.to(ScalarType.Float64)).abs().le(1e-6 * plain.abs().clamp_min(1e-6)).all().ToBoolean();
    }

    /// <summary>A new, empty tally of this task's metrics.</summary>
    /// <returns>The tally.</returns>
    public abstract TaskMetrics CreateMetrics();

    /// <summary>Checks labels before they are used; <see cref="Loss"/> calls it, and a trainer does for whole sources.</summary>
    /// <param name="target">The labels.</param>
    /// <exception cref="MultiInputException">The labels have another shape, type or range.</exception>
    public abstract void CheckTarget(Tensor target);

    /// <summary>Whether a batch has any label that is not missing. Without one, a trainer leaves the task out of the step.</summary>
    /// <param name="target">The labels.</param>
    /// <returns>False if every label is missing.</returns>
    public virtual bool HasLabels(Tensor target) => CountLabels(target) > 0;

    /// <summary>
    /// How many labels of a batch are present: the divisor of <see cref="Loss"/>. A trainer weights the mean losses of batches with it, so
    /// that together they are the mean over all labels.
    /// </summary>
    /// <remarks>
    /// By default every entry counts that is not NaN, or for integer labels not negative: the samples of a classification, the single
    /// numbers of other heads. Override it in a head that marks missing labels in another way.
    /// </remarks>
    /// <param name="target">The labels.</param>
    /// <returns>The number, from 0.</returns>
    public virtual long CountLabels(Tensor target)
    {
        ArgumentNullException.ThrowIfNull(target);
        using var scope = NewDisposeScope();
        return Present(target).sum().ToInt64();
    }

    /// <summary>
    /// Whether the head knows of its labels what it has to, such as their mean and deviation. Where it does not and is trained, a trainer
    /// gives it all training labels before the first step (<see cref="StandardizeTargets"/>).
    /// </summary>
    /// <value>Default: <see langword="true"/>, there is nothing to know.</value>
    public virtual bool HasTargetStatistics => true;

    /// <summary>
    /// Takes over what the head has to know of all training labels, before the first step. What it changes are buffers: a training that
    /// fails in its first step gives them their values back.
    /// </summary>
    /// <param name="target">The labels of all training samples on the CPU, in double precision.</param>
    /// <exception cref="MultiInputException">The labels cannot be used.</exception>
    public virtual void StandardizeTargets(Tensor target)
    {
    }

    /// <summary>Whether <see cref="Loss"/> is a mean squared error, which <see cref="Training.LossBalancing.Uncertainty"/> weights in its own way.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public virtual bool HasSquaredLoss => false;

    /// <summary>
    /// How many classes there are, where a sample's label is the number of one, <c>(batch)</c> of 64-bit integers: a trainer warns of
    /// classes without samples then.
    /// </summary>
    /// <value>Default: <see langword="null"/>, labels are no class numbers.</value>
    public virtual int? Classes => null;

    /// <summary>Whether an output may be infinite, as those that a head masks are. Where it may not, an evaluation refuses such outputs.</summary>
    /// <value>Default: <see langword="true"/>; <see langword="false"/> for the heads of this library.</value>
    public virtual bool MayGiveInfinity => true;

    /// <summary>Copies another head's layers; class i of this one gets the output weights of class rows[i] there, or keeps its own below 0.</summary>
    internal virtual void TakeOver(TaskHead other, IReadOnlyList<int> rows) => throw new NotSupportedException(GetName());

    /// <summary>The divisor of <see cref="Loss"/> in the head's current mode: the weight of a batch's loss among those of others.</summary>
    internal virtual double Divisor(Tensor target) => CountLabels(target);

    /// <summary>How many samples of a batch have a label.</summary>
    internal long CountSamples(Tensor target)
    {
        if (!HasLabels(target))
            return 0;
        using var scope = NewDisposeScope();
        return target.dim() < 2 ? CountLabels(target) : Present(target).flatten(start_dim: 1).any(1).sum().ToInt64();
    }

    private static ScalarType AtLeastSingle(Tensor output) => output.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;

    private protected static Sequential OutputLayers(int features, int outputs, HeadOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentNullException.ThrowIfNull(options);
        if (options.FindMistake() is var (problem, cure))
            throw new ArgumentException($"Head: {problem} {cure}", nameof(options));
        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        if (options.Dropout > 0)
            layers.Add(("dropout", nn.Dropout(options.Dropout)));
        if (options.Hidden > 0)
        {
            layers.Add(("hidden", nn.Linear(features, options.Hidden)));
            layers.Add(("activation", nn.ReLU()));
        }

        layers.Add(("linear", nn.Linear(options.Hidden > 0 ? options.Hidden : features, outputs)));
        return nn.Sequential(layers);
    }

    /// <summary>Which labels are there, as long as the head does not mark missing ones in its own way.</summary>
    internal static Tensor Present(Tensor target) => target.is_floating_point() ? target.isnan().logical_not() : target >= 0;

    private protected static MultiInputException WrongTarget(string problem, string cure) =>
        new("labels", ModelComponent.Target, problem, cure);
}
