using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The method of <see cref="LossBalancing.Uncertainty"/>: one parameter, <c>s = log σ²</c>, per task.</summary>
internal sealed class UncertaintyBalancer : LossBalancer
{
    private const string Prefix = "log_variances.";

    private readonly Dictionary<string, Parameter> logVariances;
    private readonly HashSet<string> squaredErrors;

    public UncertaintyBalancer(IReadOnlyList<string> tasks, IReadOnlyCollection<string> squaredErrors, Device device)
        : base(tasks)
    {
        CheckTasks(squaredErrors);
        this.squaredErrors = [.. squaredErrors];
        logVariances = tasks.ToDictionary(
            task => task, _ => (Parameter)new Parameter(zeros([], device: device)).DetachFromDisposeScope());
    }

    internal override bool MayDraw => false;

    public override IReadOnlyList<Parameter> Parameters => [.. Tasks.Select(task => logVariances[task])];

    public override IReadOnlyDictionary<string, double> Weights =>
        logVariances.ToDictionary(pair => pair.Key, pair => Precision(pair.Key) * Math.Exp(-pair.Value.item<float>()));

    public override IReadOnlyDictionary<string, Tensor> State() =>
        logVariances.ToDictionary(pair => Prefix + pair.Key, pair => pair.Value.detach().clone().DetachFromDisposeScope());

    public override void Load(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var due = Tasks.Select(task => Prefix + task).ToHashSet();
        if (!due.SetEquals(state.Keys) || state.Values.Any(value => value.numel() != 1))
            throw WrongState($"it should have a number for each of the tasks {Shapes.Names(Tasks)}, but has {Shapes.Names(state.Keys)}.");
        using var noGrad = no_grad();
        foreach (var (task, logVariance) in logVariances)
        {
            using var value = state[Prefix + task].reshape([]);
            logVariance.copy_(value);
        }
    }

    protected override void Descend(IReadOnlyList<(string Task, Tensor Loss)> losses, IReadOnlyList<Parameter> shared, long step) =>
        losses.Select(Term).Aggregate((sum, term) => sum + term).backward();

    protected override void Dispose(bool disposing)
    {
        foreach (var logVariance in logVariances.Values)
            logVariance.Dispose();
        base.Dispose(disposing);
    }

    private Tensor Term((string Task, Tensor Loss) loss)
    {
        var s = logVariances[loss.Task].to(loss.Loss.device);
        return Precision(loss.Task) * (-s).exp() * loss.Loss + 0.5 * ShareOf(loss.Task) * s;
    }

    // A Gaussian likelihood has half the squared error in its exponent.
    private double Precision(string task) => squaredErrors.Contains(task) ? 0.5 : 1;
}
