using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// Fits a model to several sources at once: each step takes a batch from each source and descends the sum of the losses of
/// their tasks.
/// </summary>
/// <remarks>
/// <para>
/// A task's loss in a step is the mean over all labels that the step has for it, whichever sources and accumulated batches
/// they come from; so it has one size in every <see cref="SourceSampling"/>, and a task of two sources counts no more than one of one.
/// </para>
/// <para>
/// A regression learns standardised values: before the first step its head takes the mean and deviation of all training
/// labels of its task, and keeps them in later trainings (<see cref="RegressionHead"/>). Losses so begin at about one size whatever
/// the labels' units are.
/// </para>
/// <para>
/// A training is a function of the model's weights, the sources and the options: the order of samples and all that is drawn at
/// random follow from the seed and the step. On the CPU it is the same to the bit each time, and when it is resumed. Torch's random
/// state is afterwards as before; CUDA's, which cannot be read, is not. Trainings may run at once on several threads, each with its model:
/// those with dropout, augmentation or modules of one's own take turns batch by batch, since these draw from the one random state of the
/// process. What a program itself draws on another thread meanwhile may fall into such a batch.
/// </para>
/// </remarks>
/// <param name="model">The model. It stays the caller's.</param>
/// <param name="options">How it trains; the defaults when null.</param>
public sealed class Trainer(MultiInputModel model, TrainerOptions? options = null)
{
    private const int EvaluationBatchSize = 512;

    private readonly MultiInputModel model = model ?? throw new ArgumentNullException(nameof(model));

    /// <summary>How it trains.</summary>
    public TrainerOptions Options { get; } = options ?? new();

    /// <summary>Trains the model and leaves it in evaluation mode, with what was frozen before frozen again.</summary>
    /// <param name="sources">The samples to train on. Tensors on another device are moved batch by batch.</param>
    /// <param name="validation">Samples to evaluate on behind each epoch; none when null.</param>
    /// <param name="progress">Told of each step, on the thread that trains.</param>
    /// <param name="cancellationToken">Ends the training between two steps or in an evaluation; a checkpoint is written where there is a folder for it.</param>
    /// <returns>The result of each epoch.</returns>
    /// <exception cref="MultiInputException">
    /// A source does not fit the model; a source or a task has no label, or none of its samples can be read; a loss or an output
    /// is not finite; no task has a value that <see cref="TrainerOptions.EarlyStopping"/> could compare; or the folder for
    /// checkpoints holds those of another training, is another training's at the moment, or cannot be written to.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled; the model keeps what it has learned.</exception>
    public TrainingHistory Fit(
        IReadOnlyList<DataSource> sources,
        IReadOnlyList<DataSource>? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default) => Run(false, sources, validation, progress, cancellationToken);

    /// <summary>
    /// Goes on with a training from its latest checkpoint, or begins it where there is none yet. It ends with the weights, to
    /// the bit on the CPU, of a training that was never interrupted.
    /// </summary>
    /// <param name="sources">As for <see cref="Fit"/>: the same as when it began.</param>
    /// <param name="validation">As for <see cref="Fit"/>.</param>
    /// <param name="progress">As for <see cref="Fit"/>.</param>
    /// <param name="cancellationToken">As for <see cref="Fit"/>.</param>
    /// <returns>The result of each epoch, those before the interruption too.</returns>
    /// <exception cref="MultiInputException">As for <see cref="Fit"/>, or the checkpoint is damaged or of another training.</exception>
    /// <exception cref="InvalidOperationException">The options name no folder for checkpoints.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public TrainingHistory Resume(
        IReadOnlyList<DataSource> sources,
        IReadOnlyList<DataSource>? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default) => Options.Checkpoints is null
        ? throw new InvalidOperationException("There is nothing to resume: name a folder in TrainerOptions.Checkpoints.")
        : Run(true, sources, validation, progress, cancellationToken);

    /// <summary>Evaluates every task of the sources in evaluation mode; the model's mode is afterwards as before.</summary>
    /// <param name="sources">The samples.</param>
    /// <param name="cancellationToken">Ends the evaluation between two batches.</param>
    /// <returns>
    /// The evaluation of each task by its name. A task of several sources is evaluated over all of them; one without any label
    /// has a count of 0, and NaN for loss and metrics.
    /// </returns>
    /// <exception cref="MultiInputException">
    /// A source does not fit the model, none of its samples can be read, or what the model gives is not finite.
    /// </exception>
    public IReadOnlyDictionary<string, TaskEvaluation> Evaluate(IReadOnlyList<DataSource> sources, CancellationToken cancellationToken = default)
    {
        CheckSources(sources);
        var tallies = new Dictionary<string, EvaluationTally>();
        foreach (var task in sources.SelectMany(source => source.Targets.Keys).Distinct())
            tallies.Add(task, new(task, HeadOf(task)));
        var wasTraining = model.training;
        model.eval();
        try
        {
            using var noGrad = no_grad();
            foreach (var source in sources)
                Evaluate(source, tallies, cancellationToken);
        }
        finally
        {
            model.train(wasTraining);
        }

        return tallies.ToDictionary(pair => pair.Key, pair => pair.Value.Result());
    }

    private void Evaluate(DataSource source, Dictionary<string, EvaluationTally> tallies, CancellationToken cancellationToken)
    {
        var read = 0L;
        for (var start = 0L; start < source.Count; start += EvaluationBatchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var batch = source.Read(BatchOrder.Range(start, Math.Min(EvaluationBatchSize, source.Count - start)));
            if (batch.Rows.Count == 0)
                continue;
            read += batch.Rows.Count;
            var outputs = model.forward(batch.Inputs.ToDictionary(pair => pair.Key, pair => model.Take(pair.Key, pair.Value)), source.Targets.Keys);
            foreach (var (task, target) in source.Targets)
                tallies[task].Add(outputs[task], Labels(target, batch.Rows));
        }

        if (read == 0)
            throw NothingToRead(source, source.Count);
        foreach (var task in source.Targets.Keys)
            tallies[task].CheckFinite(source.Name, read);
    }

    /// <summary>The exception of a source whose samples are all broken.</summary>
    internal static MultiInputException NothingToRead(DataSource source, long asked) => new(
        $"source '{source.Name}'",
        ModelComponent.Training,
        $"of {asked:N0} samples that were due none could be read, and nothing can be learned or measured from it.{source.WhyBroken}",
        "Mend them, or leave the source out.");

    internal MultiInputModel Model => model;

    internal TaskHead HeadOf(string task) => model.Head(task) as TaskHead ?? throw new MultiInputException(
        $"task '{task}'", ModelComponent.Training, $"its head is a {model.Head(task).GetType().Name}, which has no loss.", "Derive it from TaskHead.");

    /// <summary>The labels of samples, on the model's device.</summary>
    internal Tensor Labels(Tensor target, IReadOnlyList<long> rows) =>
        target.index_select(0, tensor(rows.ToArray(), device: target.device)).to(model.Device);

    private TrainingHistory Run(
        bool resume,
        IReadOnlyList<DataSource> sources,
        IReadOnlyList<DataSource>? validation,
        IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken)
    {
        CheckSources(sources);
        CheckSources(validation ?? []);
        if (sources.Count == 0)
            throw new MultiInputException("training", ModelComponent.Training, "there is no source.", "Give at least one.");
        CheckLabels(sources);
        if (Options.EarlyStopping is { } stopping
            && validation?.Any(source => source.Targets.Any(pair => (stopping.Task ?? pair.Key) == pair.Key && HeadOf(pair.Key).HasLabels(pair.Value))) != true)
        {
            throw new MultiInputException(
                "training",
                ModelComponent.Training,
                $"early stopping watches {(stopping.Task is null ? "the validation" : $"task '{stopping.Task}'")}, and no validation source has labels for it.",
                "Give validation sources with labels.");
        }

        if (Options.MixupAlpha is not null)
            CheckMixup(sources);
        using var run = new TrainingRun(this, sources, validation, progress);
        return run.Run(resume, cancellationToken);
    }

    private void CheckMixup(IReadOnlyList<DataSource> sources)
    {
        foreach (var input in model.Paths.Where(path => sources.Any(source => source.InputNames.Contains(path.Name))))
        {
            if (input.Spec.MixupMistake is { } mistake)
                throw new MultiInputException($"input '{input.Name}'", ModelComponent.Training, mistake, "Leave MixupAlpha out.");
        }
    }

    /// <summary>Refuses sources and tasks that nothing could be learned from.</summary>
    private void CheckLabels(IReadOnlyList<DataSource> sources)
    {
        foreach (var source in sources)
        {
            if (!source.Targets.Any(pair => HeadOf(pair.Key).HasLabels(pair.Value)))
            {
                throw new MultiInputException(
                    $"source '{source.Name}'",
                    ModelComponent.Training,
                    $"all its labels for task {Shapes.Names(source.Targets.Keys)} are missing, so that nothing can be learned from it.",
                    "Give it labels, or leave it out.");
            }
        }

        foreach (var task in sources.SelectMany(source => source.Targets.Keys).Distinct())
        {
            var its = sources.Where(source => source.Targets.ContainsKey(task)).ToArray();
            if (!its.Any(source => HeadOf(task).HasLabels(source.Targets[task])))
            {
                throw new MultiInputException(
                    $"task '{task}'",
                    ModelComponent.Training,
                    $"all its labels in source {Shapes.Names(its.Select(source => source.Name))} are missing, so that it cannot be learned.",
                    "Give it labels, or leave the task out of the sources.");
            }
        }
    }

    private void CheckSources(IReadOnlyList<DataSource> sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        if (sources.Contains(null!))
            throw new ArgumentException("One of the sources is null.", nameof(sources));
        foreach (var source in sources)
        {
            if (sources.Count(other => other.Name == source.Name) > 1)
            {
                throw new MultiInputException(
                    $"source '{source.Name}'", ModelComponent.Training, "there are several of this name.", "Give each a name of its own.");
            }

            foreach (var (task, target) in source.Targets)
            {
                var route = model.FindRoute(task);
                if (route.Task != task || route.Inputs.FirstOrDefault(name => !source.InputNames.Contains(name)) is not null)
                {
                    throw new MultiInputException(
                        $"source '{source.Name}'",
                        ModelComponent.Training,
                        $"it has labels for task '{route.Task}' and the inputs {Shapes.Names(source.InputNames)}.",
                        $"The task reads {Shapes.Names(route.Inputs)}: give them all, under the task's own name.");
                }

                source.CheckThere(task, target);
                HeadOf(task).CheckTarget(target);
            }
        }
    }
}
