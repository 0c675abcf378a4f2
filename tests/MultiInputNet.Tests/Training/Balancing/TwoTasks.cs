using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training.Balancing;

/// <summary>
/// Tasks with squared losses around points of their own, <c>curvature ‖shared - point‖² / 2 + (own - 1)²</c>, so that every
/// gradient is known: <c>curvature (shared - point)</c> and <c>2 (own - 1)</c>.
/// </summary>
internal sealed class TwoTasks : IDisposable
{
    public static readonly string[] Names = ["a", "b"];

    public static readonly double[][] Points = [[2, -1], [-1.5, 0.5]];

    public static readonly double[] Curvatures = [3, 0.5];

    public static readonly double[] Start = [0.25, 0.75];

    public Parameter Shared { get; } = Value(Start);

    public Dictionary<string, Parameter> Own { get; } = Names.ToDictionary(name => name, _ => Value([0.5]));

    public static double[] Gradient(int task, double[] shared) => [.. shared.Zip(Points[task], (w, p) => Curvatures[task] * (w - p))];

    public static double LossAt(int task, double[] shared, double own = 0.5) =>
        Curvatures[task] * shared.Zip(Points[task], (w, p) => (w - p) * (w - p)).Sum() / 2 + (own - 1) * (own - 1);

    public (string Task, Tensor Loss) Loss(string task)
    {
        var index = Array.IndexOf(Names, task);
        return (task, Curvatures[index] * (Shared - tensor(Points[index])).square().sum() / 2 + (Own[task] - 1).square().sum());
    }

    public (string Task, Tensor Loss)[] Losses() => [.. Names.Select(Loss)];

    public void Dispose()
    {
        Shared.Dispose();
        foreach (var own in Own.Values)
            own.Dispose();
    }

    public static double[] Numbers(Tensor? values)
    {
        values.Should().NotBeNull();
        return values!.detach().data<double>().ToArray();
    }

    private static Parameter Value(double[] values) => (Parameter)new Parameter(tensor(values)).DetachFromDisposeScope();
}
