using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Numbers: a linear layer, with the mean squared error as the loss.</summary>
/// <remarks>
/// Shapes: <c>(batch, features)</c> in, <c>(batch, outputs)</c> out. Labels are <c>(batch, outputs)</c> of floating numbers;
/// a NaN is a missing one. Standardise labels of large values first.
/// </remarks>
public sealed class RegressionHead : TaskHead
{
    private readonly Sequential layers;

    /// <summary>Creates the head with torch's default initialisation.</summary>
    /// <param name="features">The length of the feature vectors, at least 1.</param>
    /// <param name="outputs">How many numbers it gives per sample, at least 1.</param>
    /// <param name="options">A hidden layer and dropout; neither when null.</param>
    /// <exception cref="ArgumentException">A number is out of its range.</exception>
    public RegressionHead(int features, int outputs, HeadOptions? options = null)
        : base(nameof(RegressionHead), outputs)
    {
        layers = OutputLayers(features, outputs, options ?? new());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => layers.call(input);

    /// <inheritdoc/>
    public override Tensor Loss(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        CheckTarget(target);
        using var scope = NewDisposeScope();
        var present = target.isnan().logical_not();
        var errors = output - target.to(output.dtype).where(present, output.detach());
        return (errors.square().sum() / present.sum().clamp_min(1)).MoveToOuterDisposeScope();
    }

    /// <summary>The values themselves.</summary>
    /// <param name="output">Values, <c>(batch, outputs)</c>.</param>
    /// <returns>The same values, without a gradient.</returns>
    public override Tensor Predict(Tensor output)
    {
        ArgumentNullException.ThrowIfNull(output);
        return output.detach();
    }

    /// <inheritdoc/>
    public override TaskMetrics CreateMetrics() => new RegressionMetrics(Outputs);

    /// <inheritdoc/>
    public override void CheckTarget(Tensor target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.dim() != 2 || target.shape[1] != Outputs || !target.is_floating_point())
        {
            throw WrongTarget(
                $"they are {target.dtype} of shape {Shapes.Text(target.shape)}.",
                $"Labels of this head are floating numbers of shape (batch, {Outputs}); NaN where one is missing.");
        }
    }
}
