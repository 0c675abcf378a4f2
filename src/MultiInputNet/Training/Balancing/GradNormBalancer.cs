using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The method of <see cref="LossBalancing.GradNorm"/>.</summary>
/// <remarks>
/// <c>G = w ‖∇L‖</c> is the norm of a task's weighted gradient at the last shared layer, <c>Ḡ</c> the mean over the tasks of the step, and
/// <c>r</c> a task's rate: its loss as a fraction of its first one, divided by the mean of these fractions. The weights descend the sum of
/// <c>|G - Ḡ r^alpha|</c>, with the second term treated as a constant. A weight's derivative is <c>sign(G - Ḡ r^alpha) ‖∇L‖</c>, so no
/// second derivative of the model is needed. The last shared layer is the last shared parameter with two dimensions or more: a matrix or
/// kernel, not a bias. A task that does not reach it keeps its weight.
/// </remarks>
internal sealed class GradNormBalancer : WeightedSumBalancer
{
    private const double SmallestWeight = 1e-3;
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;

    private readonly double alpha;
    private readonly double learningRate;
    private readonly Dictionary<string, double> firstLosses;
    private readonly Dictionary<string, double> moments;
    private readonly Dictionary<string, double> squares;
    private readonly Dictionary<string, double> updates;

    public GradNormBalancer(IReadOnlyList<string> tasks, double alpha, double learningRate)
        : base(tasks)
    {
        this.alpha = alpha;
        this.learningRate = learningRate;
        Remember("weights", Current);
        firstLosses = Remember("first_losses", []);
        moments = Remember("moments", []);
        squares = Remember("squares", []);
        updates = Remember("updates", []);
    }

    protected override void Descend(IReadOnlyList<(string Task, Tensor Loss)> losses, IReadOnlyList<Parameter> shared, long step)
    {
        var last = shared.LastOrDefault(parameter => parameter.dim() > 1) ?? (shared.Count > 0 ? shared[^1] : null);
        var reached = last is null ? [] : MeasureGradients(losses, last);

        // The model descends with the weights from before the update.
        base.Descend(losses, shared, step);
        if (reached.Count > 1)
            Update(reached);
    }

    /// <summary>
    /// The loss and the gradient norm of each task that reaches the parameter, as those of a whole step: a batch with few of a step's
    /// labels does not make a task fast.
    /// </summary>
    private List<(string Task, double Loss, double Norm)> MeasureGradients(
        IReadOnlyList<(string Task, Tensor Loss)> losses, Parameter last)
    {
        var before = last.grad;
        var reached = new List<string>();
        var numbers = new List<Tensor>();
        foreach (var (task, loss) in losses)
        {
            last.grad = null;
            loss.backward(retain_graph: true, inputs: [last]);
            if (last.grad is not { } gradient)
                continue;
            reached.Add(task);
            numbers.Add(loss.detach().to(gradient.dtype));
            numbers.Add(gradient.norm());
        }

        last.grad = before;
        if (reached.Count == 0)
            return [];
        var values = stack(numbers).to(ScalarType.Float64).Numbers<double>();
        return [.. reached.Select((task, index) => (task, values[2 * index] / Share(task), values[2 * index + 1] / Share(task)))];

        double Share(string task) => Math.Max(ShareOf(task), double.Epsilon);
    }

    private void Update(List<(string Task, double Loss, double Norm)> measured)
    {
        // A task that has not had a loss yet has no rate, so it waits.
        foreach (var (task, loss, _) in measured.Where(m => m.Loss > 0))
            firstLosses.TryAdd(task, loss);
        measured.RemoveAll(m => !firstLosses.ContainsKey(m.Task));
        if (measured.Count < 2)
            return;

        var meanNorm = measured.Average(m => Current[m.Task] * m.Norm);
        var meanShare = measured.Average(m => m.Loss / firstLosses[m.Task]);
        if (!(meanShare > 0))
            return;

        // Only the tasks of this step change, and their sum stays: overall, the weights keep adding up to the number of tasks.
        var together = measured.Sum(m => Current[m.Task]);
        foreach (var (task, loss, norm) in measured)
        {
            var rate = loss / firstLosses[task] / meanShare;
            var derivative = Math.Sign(Current[task] * norm - meanNorm * Math.Pow(rate, alpha)) * norm;
            Current[task] = Math.Max(SmallestWeight, Current[task] - learningRate * AdamDirection(task, derivative));
        }

        var scale = together / measured.Sum(m => Current[m.Task]);
        foreach (var (task, _, _) in measured)
            Current[task] *= scale;
    }

    // Adam (Kingma and Ba, 2015), since the size of a model's gradients says nothing about a good step size here.
    private double AdamDirection(string task, double derivative)
    {
        var count = updates[task] = updates.GetValueOrDefault(task) + 1;
        var moment = moments[task] = Beta1 * moments.GetValueOrDefault(task) + (1 - Beta1) * derivative;
        var square = squares[task] = Beta2 * squares.GetValueOrDefault(task) + (1 - Beta2) * derivative * derivative;
        return moment / (1 - Math.Pow(Beta1, count)) / (Math.Sqrt(square / (1 - Math.Pow(Beta2, count))) + 1e-8);
    }
}
