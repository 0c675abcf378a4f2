using MultiInputNet.Data;
using MultiInputNet.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Sums the gradients that tasks put on the bases, batch by batch, within an <see cref="Undisturbed"/> scope.</summary>
internal sealed class GradientMeasurement : IDisposable
{
    private readonly MultiInputModel model;
    private readonly TrainerOptions options;
    private readonly PhaseSource[] sources;
    private readonly bool draws;
    private readonly (int Base, Parameter Parameter)[] parameters;
    private readonly Dictionary<string, HashSet<int>> basesOf = [];
    private readonly Dictionary<(string Task, string Input), Tensor?[]> sums = [];
    private readonly Dictionary<string, (double Loss, double Divisor)> losses = [];
    private readonly Dictionary<(string, string), (int Opposed, int Known)> signs = [];

    public GradientMeasurement(MultiInputModel model, IReadOnlyList<DataSource> sources, TrainerOptions options)
    {
        (this.model, this.options) = (model, options);
        SharedBase[] bases = [.. model.Paths.Select(path => path.Base).Distinct()];
        parameters = [.. bases.Index().SelectMany(its => its.Item.parameters().Where(parameter => parameter.is_floating_point()).Select(parameter => (its.Index, parameter)))];
        if (parameters.Length == 0)
            throw new MultiInputException("base", ModelComponent.Base, "it has no parameters, on which tasks could put a gradient.", "Take a base that learns something.");
        foreach (var route in model.Routes)
            basesOf.Add(route.Task, [.. model.Paths.Where(path => route.Inputs.Contains(path.Name)).Select(path => Array.IndexOf(bases, path.Base))]);
        draws = RandomModules.DrawInTraining(model) || sources.Any(source => source.Augment is not null);

        // Before anything is unfrozen: frozen heads learn nothing of their labels.
        TargetStatistics.Learn(model, sources);
        model.train();
        foreach (var parameter in model.parameters().Where(parameter => parameter.is_floating_point()))
            parameter.requires_grad = false;
        foreach (var (_, parameter) in parameters)
            parameter.requires_grad = true;
        this.sources = [.. sources.Select(source => new PhaseSource(model, options, source))];
    }

    /// <summary>Adds the gradients of a batch of each source.</summary>
    /// <param name="number">The number of the batch; the first is 0, and one follows the other.</param>
    public void Add(long number)
    {
        using var scope = NewDisposeScope();
        using var drawing = draws ? GlobalRandom.Seeded(SeededOrder.SeedOf(options.Seed, number), model.Device) : null;
        var step = new Dictionary<(string Task, string Input), Tensor?[]>();
        var open = sources.Select(source => source.Draw(number)).Where(batch => batch.Labels.Count > 0).ToList();

        // As in a training, sources that have no input in common go through the model together.
        while (open.Count > 0)
        {
            var names = new HashSet<string>();
            var together = open.Where(batch => !names.Overlaps(batch.Source.InputNames) && batch.Source.InputNames.All(names.Add)).ToArray();
            open.RemoveAll(together.Contains);
            Descend(together, step);
        }

        Compare(step);
        foreach (var (key, gradients) in step)
            AddTo(sums, key, gradients, detach: true);
    }

    /// <summary>What was measured; null if no sample of the batches has a label.</summary>
    public TaskGradients? Result(int batches)
    {
        using var scope = NewDisposeScope();
        foreach (var source in sources)
            source.CheckRead();
        string[] tasks = [.. model.Routes.Select(route => route.Task).Where(losses.ContainsKey)];
        if (tasks.Length == 0)
            return null;
        var gradients = OfTasks(sums, tasks);
        var products = Products([.. tasks.Select(task => gradients[task])]);
        var ofInputs = new Dictionary<string, Tensor?[]>();
        foreach (var ((task, input), sum) in sums)
            AddTo(ofInputs, input, [.. sum.Select(its => its is null ? null : its / losses[task].Divisor)]);
        string[] inputs = [.. model.Paths.Select(path => path.Name).Where(ofInputs.ContainsKey)];
        var inputProducts = Products([.. inputs.Select(input => ofInputs[input])]);
        double[] Of(Func<int, int, double> value, int row) => [.. tasks.Select((_, column) => value(row, column))];
        return new()
        {
            Tasks = tasks,
            Norms = tasks.Index().ToDictionary(its => its.Item, its => Norm(products, its.Index) / losses[its.Item].Divisor),
            Cosines = [.. tasks.Select((_, row) => Of((i, j) => Cosine(products, tasks, i, j), row))],
            OpposedShares = [.. tasks.Select((_, row) => Of((i, j) => signs.TryGetValue((tasks[i], tasks[j]), out var sign) ? (double)sign.Opposed / sign.Known : double.NaN, row))],
            InputNorms = inputs.Index().ToDictionary(its => its.Item, its => Norm(inputProducts, its.Index)),
            Losses = tasks.ToDictionary(task => task, task => losses[task].Loss / losses[task].Divisor),
            Batches = batches,
        };
    }

    public void Dispose()
    {
        foreach (var source in sources)
            source.Dispose();
        foreach (var tensor in sums.Values.SelectMany(gradients => gradients))
            tensor?.Dispose();
    }

    /// <summary>Finds the gradients of the losses of some batches that go through the model in one call.</summary>
    private void Descend(DrawnBatch[] together, Dictionary<(string Task, string Input), Tensor?[]> step)
    {
        var labelled = together.SelectMany(batch => batch.Labels).ToArray();
        var needed = labelled.SelectMany(labels => model.FindRoute(labels.Task).Inputs).ToHashSet();
        var inputs = new Dictionary<string, Tensor>();
        foreach (var (name, samples) in together.SelectMany(batch => batch.Source.Take(batch.Read!)).Where(its => needed.Contains(its.Name)))
            inputs.Add(name, samples);
        var features = model.forward_features(inputs);

        // A task's gradient of the features first, which goes through its head alone, and that of the base from it.
        var found = new List<(string Task, string Input, double Divisor, Tensor Gradient)>();
        foreach (var labels in labelled)
        {
            var route = model.FindRoute(labels.Task);
            var leaves = route.Inputs.ToDictionary(input => input, input => features[input].detach().requires_grad_(true));

            // Clones, since a fusion may change what it is given in place.
            var loss = model.TaskHead(labels.Task).Loss(route.Run(leaves.ToDictionary(leaf => leaf.Key, leaf => new FeatureSet(leaf.Value.clone()))), labels.Values);
            var value = loss.ToDouble();
            if (!double.IsFinite(value))
            {
                throw new MultiInputException(
                    $"task '{labels.Task}'", ModelComponent.Training, FormattableString.Invariant($"its loss on a batch is {value}."), "Look for NaN or huge values in the inputs, the labels and the model's weights.");
            }

            var (sum, divisor) = losses.GetValueOrDefault(labels.Task);
            losses[labels.Task] = (sum + value * labels.Divisor, divisor + labels.Divisor);
            if (!loss.requires_grad)
                continue;
            loss.backward();
            found.AddRange(leaves.Where(leaf => leaf.Value.grad is not null).Select(leaf => (labels.Task, leaf.Key, labels.Divisor, leaf.Value.grad!)));
        }

        found.RemoveAll(its => !features[its.Input].requires_grad);
        foreach (var (index, (task, input, divisor, gradient)) in found.Index())
        {
            (features[input] * gradient).sum().backward(retain_graph: index < found.Count - 1);
            AddTo(step, (task, input), [.. parameters.Select(its => TakeGradient(its.Parameter, divisor))]);
        }
    }

    private static Tensor? TakeGradient(Parameter parameter, double divisor)
    {
        if (parameter.grad is not { } gradient)
            return null;
        parameter.grad = null;
        return gradient.to(gradient.dtype.AtLeastSingle()) * divisor;
    }

    /// <summary>Counts which tasks oppose each other in a batch.</summary>
    private void Compare(Dictionary<(string Task, string Input), Tensor?[]> step)
    {
        string[] tasks = [.. step.Keys.Select(key => key.Task).Distinct()];
        var gradients = OfTasks(step, tasks);
        var products = Products([.. tasks.Select(task => gradients[task])]);
        for (var i = 0; i < tasks.Length; i++)
        {
            for (var j = 0; j < tasks.Length; j++)
            {
                if (Cosine(products, tasks, i, j) is var cosine && double.IsNaN(cosine))
                    continue;
                var (opposed, known) = signs.GetValueOrDefault((tasks[i], tasks[j]));
                signs[(tasks[i], tasks[j])] = (opposed + (cosine < 0 ? 1 : 0), known + 1);
            }
        }
    }

    /// <summary>The gradient of each task, through all its inputs together.</summary>
    private Dictionary<string, Tensor?[]> OfTasks(Dictionary<(string Task, string Input), Tensor?[]> gradients, IReadOnlyList<string> tasks)
    {
        var sum = tasks.ToDictionary(task => task, _ => new Tensor?[parameters.Length]);
        foreach (var ((task, _), its) in gradients)
            sum[task] = [.. sum[task].Zip(its, Plus)];
        return sum;
    }

    private static Tensor? Plus(Tensor? first, Tensor? second) => first is null ? second : second is null ? first : first + second;

    /// <summary>Adds gradients to those of a key.</summary>
    private static void AddTo<TKey>(Dictionary<TKey, Tensor?[]> sums, TKey key, Tensor?[] gradients, bool detach = false)
        where TKey : notnull
    {
        if (!sums.TryGetValue(key, out var before))
            before = new Tensor?[gradients.Length];
        var after = before.Zip(gradients, Plus).ToArray();
        sums[key] = after;
        if (!detach)
            return;
        foreach (var (old, sum) in before.Zip(after))
        {
            sum?.DetachFromDisposeScope();
            if (old is not null && !ReferenceEquals(old, sum))
                old.Dispose();
        }
    }

    /// <summary>The products of gradients with each other, for each base.</summary>
    private Dictionary<int, double[,]> Products(IReadOnlyList<Tensor?[]> gradients)
    {
        var products = parameters.Select(its => its.Base).Distinct().ToDictionary(its => its, _ => new double[gradients.Count, gradients.Count]);
        using var noGrad = no_grad();
        foreach (var (index, (ofBase, parameter)) in parameters.Index())
        {
            if (gradients.All(gradient => gradient[index] is null))
                continue;
            using var scope = NewDisposeScope();
            var rows = stack(gradients.Select(gradient => gradient[index]?.reshape(-1) ?? zeros(parameter.numel(), parameter.dtype.AtLeastSingle(), parameter.device)));
            var table = rows.mm(rows.t()).to(CPU).to(ScalarType.Float64).Numbers<double>();
            for (var i = 0; i < table.Length; i++)
                products[ofBase][i / gradients.Count, i % gradients.Count] += table[i];
        }

        return products;
    }

    private static double Norm(Dictionary<int, double[,]> products, int index) => Math.Sqrt(products.Values.Sum(product => product[index, index]));

    private double Cosine(Dictionary<int, double[,]> products, string[] tasks, int i, int j)
    {
        int[] shared = [.. basesOf[tasks[i]].Intersect(basesOf[tasks[j]]).Where(products.ContainsKey)];
        double Of(int a, int b) => shared.Sum(its => products[its][a, b]);
        var norms = Math.Sqrt(Of(i, i)) * Math.Sqrt(Of(j, j));
        return norms > 0 ? Math.Clamp(Of(i, j) / norms, -1, 1) : double.NaN;
    }
}
