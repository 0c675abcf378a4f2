using MultiInputNet.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Several labels, each of which independently applies or not: a linear layer to logits, trained with sigmoid cross-entropy.
/// </summary>
/// <remarks>
/// Shapes: <c>(batch, features)</c> in, logits <c>(batch, labels)</c> out. Labels are <c>(batch, labels)</c>, floating-point numbers
/// from 0 to 1; NaN means missing.
/// </remarks>
public sealed class MultiLabelHead : TaskHead, IOnnxModule
{
    private readonly Sequential layers;

    /// <summary>Creates the head with torch's default initialisation.</summary>
    /// <param name="features">The length of the feature vectors, at least 1.</param>
    /// <param name="labels">The number of labels, at least 1.</param>
    /// <param name="options">A hidden layer and dropout; neither when null.</param>
    /// <exception cref="ArgumentException">A number is out of its range.</exception>
    public MultiLabelHead(int features, int labels, HeadOptions? options = null)
        : base(nameof(MultiLabelHead), labels)
    {
        layers = OutputLayers(features, labels, options ?? new());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool MayGiveInfinity => false;

    /// <inheritdoc/>
    public override PredictionKind PredictionKind => PredictionKind.Labels;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => layers.call(input);

    OnnxValue IOnnxModule.Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs) => graph.Run(layers, inputs);

    /// <inheritdoc/>
    public override Tensor Loss(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        CheckTarget(target);
        using var scope = NewDisposeScope();
        var present = target.isnan().logical_not();
        var losses = nn.functional.binary_cross_entropy_with_logits(output, target.nan_to_num(0).to(output.dtype), reduction: nn.Reduction.None);
        return (losses.where(present, zeros_like(losses)).sum() / present.sum().clamp_min(1)).MoveToOuterDisposeScope();
    }

    /// <summary>The labels that are more likely than not.</summary>
    /// <param name="output">Logits, <c>(batch, labels)</c>.</param>
    /// <returns>Yes or no, <c>(batch, labels)</c> of booleans.</returns>
    public override Tensor Predict(Tensor output)
    {
        ArgumentNullException.ThrowIfNull(output);
        return output > 0;
    }

    /// <inheritdoc/>
    public override TaskMetrics CreateMetrics() => new MultiLabelMetrics();

    /// <inheritdoc/>
    public override void CheckTarget(Tensor target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.dim() != 2 || target.shape[1] != Outputs || !target.is_floating_point())
        {
            throw WrongTarget(
                $"they are {target.dtype} of shape {Shapes.Text(target.shape)}.",
                $"Labels of this head are floating-point numbers from 0 to 1 of shape (batch, {Outputs}), NaN if missing.");
        }

        if (target.device_type != DeviceType.CPU)
            return;
        using var scope = NewDisposeScope();
        if ((target < 0).logical_or(target > 1).any().ToBoolean())
            throw WrongTarget("one is below 0 or above 1.", "Give 0 for no, 1 for yes, NaN for a missing label.");
    }
}
