using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Extension.Tests;

/// <summary>A number from 0, by its squared error.</summary>
/// <remarks>Shapes: <c>(batch, features)</c> in, <c>(batch, 1)</c> out; labels are <c>(batch, 1)</c>, none missing.</remarks>
internal sealed class SpreadHead : TaskHead
{
    private readonly Linear linear;

    public SpreadHead(long features)
        : base(nameof(SpreadHead), 1)
    {
        linear = nn.Linear(features, 1);
        RegisterComponents();
    }

    public override bool HasSquaredLoss => true;

    public override Tensor forward(Tensor input) => nn.functional.softplus(linear.call(input));

    public override Tensor Loss(Tensor output, Tensor target) => nn.functional.mse_loss(output, target);

    public override Tensor Predict(Tensor output) => output;

    public override TaskMetrics CreateMetrics() => new RegressionMetrics(1);

    public override void CheckTarget(Tensor target)
    {
    }
}
