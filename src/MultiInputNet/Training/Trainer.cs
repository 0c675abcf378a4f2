using MultiInputNet.Data;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// Fits a model to several sources at once: each step takes a batch from each source and descends the sum of the losses of
/// their tasks, with AdamW, warm-up and cosine schedule.
/// </summary>
/// <param name="model">The model. It stays the caller's.</param>
/// <param name="options">How it trains; the defaults when null.</param>
public sealed class Trainer(MultiInputModel model, TrainerOptions? options = null)
{
    private const int EvaluationBatchSize = 512;

    /// <summary>How it trains.</summary>
    public TrainerOptions Options { get; } = options ?? new();

    /// <summary>Trains the model and leaves it in evaluation mode.</summary>
    /// <param name="sources">The samples to train on. Tensors on another device are moved batch by batch.</param>
    /// <param name="validation">Samples to evaluate on behind each epoch; none when null.</param>
    /// <param name="progress">Told of each step.</param>
    /// <param name="cancellationToken">Ends the training between two steps.</param>
    /// <returns>The result of each epoch.</returns>
    /// <exception cref="MultiInputException">A source does not fit the model, or a loss is not finite.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled; the model keeps what it has learned.</exception>
    public IReadOnlyList<EpochResult> Fit(
        IReadOnlyList<DataSource> sources,
        IReadOnlyList<DataSource>? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        CheckSources(sources);
        CheckSources(validation ?? []);
        if (sources.Count == 0)
            throw new MultiInputException("training", ModelStage.Training, "there is no source.", "Give at least one.");

        var orders = sources.Select(source =>
            new BatchOrder(Options.Seed, source.Name, source.Count, source.BatchSize ?? Options.BatchSize)).ToArray();
        var passes = SplitIntoPasses(sources);
        var stepsPerEpoch = Options.StepsPerEpoch ?? orders.Max(order => order.BatchesPerPass);
        var steps = stepsPerEpoch * Options.Epochs;
        var warmup = (long)(steps * Options.WarmupShare);
        var results = new List<EpochResult>();

        random.manual_seed(Options.Seed);
        using var optimizer = CreateOptimizer();
        model.train();
        try
        {
            for (var epoch = 1; epoch <= Options.Epochs; epoch++)
            {
                var sums = new Dictionary<string, double>();
                for (var i = 0L; i < stepsPerEpoch; i++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var step = (epoch - 1) * stepsPerEpoch + i;
                    var rate = LearningRates.WarmupCosine(step, steps, warmup, Options.LearningRate);
                    foreach (var group in optimizer.ParamGroups)
                        group.LearningRate = rate;
                    var losses = Step(optimizer, passes, index => orders[index].At(step).ToArray(), step);
                    foreach (var (task, loss) in losses)
                        sums[task] = sums.GetValueOrDefault(task) + loss;
                    progress?.Report(new(step + 1, steps, epoch, Options.Epochs, rate, losses));
                }

                var means = sums.ToDictionary(pair => pair.Key, pair => pair.Value / stepsPerEpoch);
                results.Add(new(epoch, means, validation is null ? new Dictionary<string, TaskEvaluation>() : Evaluate(validation, cancellationToken)));
            }
        }
        finally
        {
            model.eval();
        }

        return results;
    }

    /// <summary>Evaluates every task of the sources in evaluation mode; the model's mode is afterwards as before.</summary>
    /// <param name="sources">The samples.</param>
    /// <param name="cancellationToken">Ends the evaluation between two batches.</param>
    /// <returns>The evaluation of each task by its name. A task of several sources is evaluated over all of them.</returns>
    /// <exception cref="MultiInputException">A source does not fit the model.</exception>
    public IReadOnlyDictionary<string, TaskEvaluation> Evaluate(IReadOnlyList<DataSource> sources, CancellationToken cancellationToken = default)
    {
        CheckSources(sources);
        var tallies = new Dictionary<string, (TaskMetrics Metrics, double LossSum, long Count)>();
        var wasTraining = model.training;
        model.eval();
        try
        {
            using var noGrad = no_grad();
            foreach (var source in sources)
            {
                for (var start = 0L; start < source.Count; start += EvaluationBatchSize)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    using var scope = NewDisposeScope();
                    var batch = source.Read([.. LongRange(start, Math.Min(EvaluationBatchSize, source.Count - start))]);
                    var size = batch.Rows.Count;
                    var outputs = model.forward(batch.Inputs.ToDictionary(pair => pair.Key, pair => pair.Value.to(model.Device)), source.Targets.Keys);
                    var chosen = tensor(batch.Rows.ToArray());
                    foreach (var (task, target) in source.Targets)
                    {
                        var labels = Take(target, chosen);
                        var tally = tallies.GetValueOrDefault(task, (HeadOf(task).CreateMetrics(), 0, 0));
                        tally.Metrics.Update(outputs[task], labels);
                        var loss = HeadOf(task).Loss(outputs[task], labels).ToDouble();
                        tallies[task] = (tally.Metrics, tally.LossSum + loss * size, tally.Count + size);
                    }
                }
            }
        }
        finally
        {
            model.train(wasTraining);
        }

        return tallies.ToDictionary(
            pair => pair.Key,
            pair => new TaskEvaluation(pair.Value.LossSum / pair.Value.Count, pair.Value.Metrics.Compute(), pair.Value.Metrics.Primary, pair.Value.Count));
    }

    private Dictionary<string, double> Step(
        AdamW optimizer, List<List<(int Index, DataSource Source)>> passes, Func<int, long[]> rows, long step)
    {
        using var scope = NewDisposeScope();
        var losses = new List<(string Task, Tensor Loss)>();
        foreach (var pass in passes)
        {
            var inputs = new Dictionary<string, Tensor>();
            var targets = new List<(string Task, Tensor Labels)>();
            foreach (var (index, source) in pass)
            {
                var batch = source.Read(rows(index));
                var chosen = tensor(batch.Rows.ToArray());
                foreach (var (name, samples) in batch.Inputs)
                    inputs.Add(name, (source.Augment is null ? samples : source.Augment(name, samples)).to(model.Device));

                targets.AddRange(source.Targets.Select(pair => (pair.Key, Take(pair.Value, chosen))));
            }

            var outputs = model.forward(inputs, targets.Select(target => target.Task));
            losses.AddRange(targets.Select(target => (target.Task, HeadOf(target.Task).Loss(outputs[target.Task], target.Labels))));
        }

        var values = losses.GroupBy(loss => loss.Task).ToDictionary(group => group.Key, group => group.Sum(loss => loss.Loss.ToDouble()));
        if (values.FirstOrDefault(pair => !double.IsFinite(pair.Value)).Key is { } broken)
        {
            throw new MultiInputException(
                $"task '{broken}'",
                ModelStage.Training,
                $"its loss is {values[broken]} at step {step + 1}.",
                "Look for NaN or huge values in its inputs and labels, or lower the learning rate. The weights are those of the step before.");
        }

        optimizer.zero_grad();
        losses.Select(loss => loss.Loss).Aggregate((sum, loss) => sum + loss).backward();
        if (double.IsFinite(Options.GradientClip))
            nn.utils.clip_grad_norm_(model.parameters(), Options.GradientClip);
        optimizer.step();
        return values;
    }

    private static IEnumerable<long> LongRange(long start, long count)
    {
        for (var i = start; i < start + count; i++)
            yield return i;
    }

    private Tensor Take(Tensor samples, Tensor rows) => samples.index_select(0, rows.to(samples.device)).to(model.Device);

    /// <summary>Groups sources so that no input comes twice in a group: each group is one forward call.</summary>
    private static List<List<(int Index, DataSource Source)>> SplitIntoPasses(IReadOnlyList<DataSource> sources)
    {
        var passes = new List<List<(int Index, DataSource Source)>>();
        foreach (var (index, source) in sources.Index())
        {
            var pass = passes.FirstOrDefault(p => !p.Any(other => other.Source.InputNames.Intersect(source.InputNames).Any()));
            if (pass is null)
                passes.Add(pass = []);
            pass.Add((index, source));
        }

        return passes;
    }

    private AdamW CreateOptimizer()
    {
        var trained = model.parameters().Where(parameter => parameter.requires_grad).ToArray();
        AdamW.ParamGroup Group(bool decays) => new(
            trained.Where(parameter => parameter.dim() > 1 == decays), weight_decay: decays ? Options.WeightDecay : 0);
        return optim.AdamW([Group(true), Group(false)], lr: Options.LearningRate);
    }

    private TaskHead HeadOf(string task) => model.Head(task) as TaskHead ?? throw new MultiInputException(
        $"task '{task}'", ModelStage.Training, $"its head is a {model.Head(task).GetType().Name}, which has no loss.", "Derive it from TaskHead.");

    private void CheckSources(IReadOnlyList<DataSource> sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        foreach (var source in sources)
        {
            if (sources.Count(other => other.Name == source.Name) > 1)
            {
                throw new MultiInputException(
                    $"source '{source.Name}'", ModelStage.Training, "there are several of this name.", "Give each a name of its own.");
            }

            foreach (var (task, target) in source.Targets)
            {
                var route = model.FindRoute(task);
                if (route.Task != task || route.Inputs.FirstOrDefault(name => !source.InputNames.Contains(name)) is not null)
                {
                    throw new MultiInputException(
                        $"source '{source.Name}'",
                        ModelStage.Training,
                        $"it has labels for task '{route.Task}' and the inputs {Shapes.Names(source.InputNames)}.",
                        $"The task reads {Shapes.Names(route.Inputs)}: give them all, under the task's own name.");
                }

                HeadOf(task).CheckTarget(target);
            }
        }
    }
}
