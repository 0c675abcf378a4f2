using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Extension.Tests;

/// <summary>
/// Classes by the hinge of Crammer and Singer (2001), the last of which is masked. Shapes: <c>(batch, features)</c> in, scores
/// <c>(batch, classes)</c> out, minus infinity for the last; labels are <c>(batch)</c> of 64-bit integers, negative where one is missing.
/// </summary>
internal sealed class HingeHead : TaskHead
{
    private readonly Linear linear;

    public HingeHead(long features, int classes)
        : base(nameof(HingeHead), classes)
    {
        linear = nn.Linear(features, classes);
        RegisterComponents();
    }

    public override int? Classes => Outputs;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var isLast = arange(Outputs) == Outputs - 1;
        return linear.call(input).masked_fill(isLast, double.NegativeInfinity).MoveToOuterDisposeScope();
    }

    public override Tensor Loss(Tensor output, Tensor target)
    {
        CheckTarget(target);
        using var scope = NewDisposeScope();
        var present = target >= 0;
        var labels = target.clamp_min(0);
        var losses = (output + 1 - nn.functional.one_hot(labels, Outputs)).amax([1]) - output.gather(1, labels.unsqueeze(1)).squeeze(1);
        return (losses.where(present, zeros_like(losses)).sum() / present.sum().clamp_min(1)).MoveToOuterDisposeScope();
    }

    public override Tensor Predict(Tensor output) => output.argmax(1);

    public override TaskMetrics CreateMetrics() => new ClassificationMetrics(Outputs);

    public override void CheckTarget(Tensor target)
    {
        if (target.dim() != 1 || target.dtype != ScalarType.Int64)
            throw new MultiInputException(
                "labels", ModelComponent.Target, $"they are {target.dtype} of {target.dim()} dimensions.", "Give 64-bit integers, (batch).");
    }
}
