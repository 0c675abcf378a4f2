using MultiInputNet.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>One class out of several: a linear layer to logits, trained with softmax cross-entropy.</summary>
/// <remarks>
/// Shapes: <c>(batch, features)</c> in, logits <c>(batch, classes)</c> out. Labels are <c>(batch)</c> of 64-bit integers
/// from 0 to classes - 1; a negative label is missing.
/// </remarks>
public sealed class ClassificationHead : TaskHead, IOnnxModule
{
    private readonly Sequential layers;
    private readonly double labelSmoothing;
    private readonly double[]? classWeights;

    /// <summary>Creates the head with torch's default initialisation.</summary>
    /// <param name="features">The length of the feature vectors, at least 1.</param>
    /// <param name="classes">The number of classes, at least 1.</param>
    /// <param name="labelSmoothing">
    /// The fraction of the target that is spread over all classes in training mode (Szegedy et al., 2016), from 0 to below 1.
    /// In evaluation mode the loss is the plain cross-entropy.
    /// </param>
    /// <param name="options">A hidden layer and dropout; neither when null.</param>
    /// <param name="classWeights">
    /// The weight of each class's samples in training mode, finite numbers from 0; all are 1 when null. In evaluation mode every sample has
    /// the same weight, so that losses can be compared whatever the weights are.
    /// </param>
    /// <exception cref="ArgumentException">A number is out of range, or there is not one weight per class.</exception>
    public ClassificationHead(
        int features, int classes, double labelSmoothing = 0, HeadOptions? options = null, IReadOnlyList<double>? classWeights = null)
        : base(nameof(ClassificationHead), classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(labelSmoothing, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(labelSmoothing, 1);
        if (ClassWeights.FindMistake(classWeights, classes) is var (problem, cure))
            throw new ArgumentException($"Head: {problem} {cure}", nameof(classWeights));
        this.labelSmoothing = labelSmoothing;
        this.classWeights = classWeights?.ToArray();
        layers = OutputLayers(features, classes, options ?? new());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override int? Classes => Outputs;

    /// <inheritdoc/>
    public override bool MayGiveInfinity => false;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => layers.call(input);

    OnnxValue IOnnxModule.Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs) => graph.Run(layers, inputs);

    /// <summary>
    /// The mean cross-entropy over the labels present; 0, with a gradient of 0, if there are none. In training mode it equals PyTorch's
    /// <c>CrossEntropyLoss</c> with the class weights and the label smoothing; in evaluation mode it uses neither.
    /// </summary>
    /// <param name="output">Logits, <c>(batch, classes)</c>.</param>
    /// <param name="target">Class numbers, <c>(batch)</c> of 64-bit integers; a negative one is missing.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="MultiInputException">The labels have another shape, type or range.</exception>
    public override Tensor Loss(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        CheckTarget(target);
        using var scope = NewDisposeScope();
        var present = target >= 0;
        var labels = target.where(present, full_like(target, MissingLabel));
        var weights = Weights(output.dtype, output.device);
        var sum = nn.functional.cross_entropy(
            output, labels, weights, MissingLabel, nn.Reduction.Sum, label_smoothing: training ? labelSmoothing : 0);
        if (weights is null)
            return (sum / present.sum().clamp_min(1)).MoveToOuterDisposeScope();
        var total = Total(weights, target);
        return (sum / total.where(total > 0, ones_like(total))).MoveToOuterDisposeScope();
    }

    internal override double Divisor(Tensor target)
    {
        using var scope = NewDisposeScope();
        return Weights(ScalarType.Float64, target.device) is { } weights ? Total(weights, target).ToDouble() : base.Divisor(target);
    }

    /// <summary>The class with the largest logit.</summary>
    /// <param name="output">Logits, <c>(batch, classes)</c>.</param>
    /// <returns>Class numbers, <c>(batch)</c> of 64-bit integers.</returns>
    public override Tensor Predict(Tensor output)
    {
        ArgumentNullException.ThrowIfNull(output);
        return output.argmax(1);
    }

    /// <inheritdoc/>
    public override TaskMetrics CreateMetrics() => new ClassificationMetrics(Outputs);

    /// <inheritdoc/>
    public override void CheckTarget(Tensor target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.dim() != 1 || target.dtype != ScalarType.Int64)
        {
            throw WrongTarget(
                $"they are {target.dtype} of shape {Shapes.Text(target.shape)}.",
                "Class labels are Int64 of shape (batch): use .to(ScalarType.Int64), and .squeeze(1) or .argmax(1) for columns.");
        }

        // Off the CPU this check would make the program wait for the device at every step; a trainer checks each source once.
        if (target.device_type != DeviceType.CPU || target.numel() == 0)
            return;
        using var largest = target.max();
        if (largest.ToInt64() >= Outputs)
        {
            throw WrongTarget(
                $"the largest is {largest.ToInt64()} and the head has {Outputs} classes.",
                $"Labels run from 0 to {Outputs - 1}; a negative label is a missing one.");
        }
    }

    internal override void TakeOver(TaskHead other, IReadOnlyList<int> rows)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var targets = state_dict();
        var kept = rows.Index().Where(pair => pair.Item >= 0).ToArray();
        foreach (var (name, value) in other.state_dict())
        {
            if (!name.StartsWith("layers.linear.", StringComparison.Ordinal))
            {
                targets[name].copy_(value);
                continue;
            }

            targets[name].index_copy_(0, Numbers(value, kept.Select(pair => pair.Index)), value.index_select(0, Numbers(value, kept.Select(pair => pair.Item))));
        }
    }

    private Tensor? Weights(ScalarType type, Device device) => training && classWeights is not null ? tensor(classWeights, type, device) : null;

    private static Tensor Total(Tensor weights, Tensor target) =>
        weights.index_select(0, target.clamp_min(0)).where(target >= 0, zeros_like(weights[0])).sum();

    private static Tensor Numbers(Tensor like, IEnumerable<int> numbers) => tensor([.. numbers.Select(number => (long)number)], device: like.device);

    private const int MissingLabel = -100;
}
