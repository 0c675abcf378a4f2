using MultiInputNet.Data;
using MultiInputNet.Training;
using TorchSharp;

namespace MultiInputNet.Insights;

/// <content>Joint against alone.</content>
public static partial class Insight
{
    /// <summary>
    /// Trains a model of all tasks, and for each task a model of its own with the same inputs, base, fusion and head, and compares their
    /// results: whether the tasks help or hurt each other.
    /// </summary>
    /// <remarks>
    /// <para>
    /// All are trained with the same options and start from the same seed. A model of one task takes as many steps as the other one takes
    /// with that task's sources, so that both see the same number of its samples. It has no loss balancing, and its sources are in every
    /// step; checkpoints and event files are not written. Early stopping, if there is any, watches the task itself. Of a phase that names
    /// inputs, tasks or stages of a base, it trains those that it has; a phase of which it has nothing is left out.
    /// </para>
    /// <para>
    /// One training each is a sample of one: another seed gives other numbers. Small gains are noise; give several seeds before you rely
    /// on them.
    /// </para>
    /// </remarks>
    /// <param name="description">The model of all tasks.</param>
    /// <param name="sources">The samples to train on.</param>
    /// <param name="validation">The samples to compare on, with labels of every task that the sources have labels of.</param>
    /// <param name="options">How they are trained; the defaults when null.</param>
    /// <param name="seeds">
    /// The seeds of the weights, each of which takes a training of all tasks and one of each; the options' seed counts on from the first,
    /// so that samples come in another order, too. When null, 0 alone.
    /// </param>
    /// <param name="device">The device; when null, CUDA if available and the CPU otherwise.</param>
    /// <param name="joint">
    /// A trained model of this description, in place of a training of all tasks with a single seed; it stays the caller's and is afterwards
    /// as before.
    /// </param>
    /// <param name="progress">Told of each step of each training, on the calling thread.</param>
    /// <param name="cancellationToken">Ends it between two steps or in an evaluation.</param>
    /// <returns>The comparison of each task that the sources have labels of, in the order of the description.</returns>
    /// <exception cref="MultiInputException">
    /// As for <c>Trainer.Fit</c>; or the validation has no source for a task, or all phases are of parts that a task's own model lacks.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The trained model is of another description, or given with several seeds; or there is no seed, or one twice.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<JointComparison> JointAgainstAlone(
        ModelDescription description,
        IReadOnlyList<DataSource> sources,
        IReadOnlyList<DataSource> validation,
        TrainerOptions? options = null,
        IReadOnlyList<long>? seeds = null,
        torch.Device? device = null,
        MultiInputModel? joint = null,
        IProgress<JointProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(validation);
        if (joint is not null && !joint.Description.Equals(description))
            throw new ArgumentException("The trained model is of another description; give its own, joint.Description.", nameof(joint));
        if (sources.Contains(null!) || validation.Contains(null!))
            throw new ArgumentException("One of the sources is null.");
        var tasks = description.Tasks.Where(task => sources.Any(source => source.Targets.ContainsKey(task.Name))).ToArray();
        foreach (var task in tasks)
        {
            if (!validation.Any(source => source.Targets.ContainsKey(task.Name)))
            {
                throw new MultiInputException(
                    $"task '{task.Name}'", ModelComponent.Training, "no validation source has labels for it, on which to compare.", "Give one.");
            }
        }

        seeds ??= [0];
        if (seeds.Count == 0 || seeds.Distinct().Count() < seeds.Count)
            throw new ArgumentException("There is no seed, or one twice; give different ones.", nameof(seeds));
        if (joint is not null && seeds.Count > 1)
            throw new ArgumentException("A trained model is the result of a single seed; give one seed, or leave the model out.", nameof(joint));

        options = (options ?? new()) with { Checkpoints = null, TensorBoardFolder = null };
        var (trainings, number) = (seeds.Count * (tasks.Length + (joint is null ? 1 : 0)), 0);
        var runs = tasks.ToDictionary(task => task.Name, _ => new List<JointRun>());
        foreach (var seed in seeds)
        {
            var its = options with { Seed = unchecked(options.Seed + seed - seeds[0]) };
            var together = JointEvaluation(its, seed);
            foreach (var task in tasks)
                runs[task.Name].Add(Alone(task, together[task.Name], its, seed));
        }

        return [.. tasks.Select(task => new JointComparison { Task = task.Name, Runs = runs[task.Name] })];

        IReadOnlyDictionary<string, TaskEvaluation> JointEvaluation(TrainerOptions options, long seed)
        {
            if (joint is not null)
            {
                SourceChecks.CheckTraining(joint, options, sources, validation);
                foreach (var part in options.Phases.SelectMany(phase => phase.Parts))
                    part.Part.Find(joint.Built);
                using var undisturbed = new Undisturbed(joint, gradients: false);
                return new Trainer(joint, options).Evaluate(validation, cancellationToken: cancellationToken);
            }

            using var model = description.Build(device, seed);
            new Trainer(model, options).Fit(sources, validation, Of(null, seed), cancellationToken);
            return new Trainer(model, options).Evaluate(validation, cancellationToken: cancellationToken);
        }

        JointRun Alone(TaskDescription task, TaskEvaluation together, TrainerOptions options, long seed)
        {
            using var model = Reduce(description, task).Build(device ?? joint?.Device, seed);
            var inputs = DescriptionChecks.Sources(task);
            DataSource[] Own(IReadOnlyList<DataSource> all) =>
                [.. all.Where(source => source.Targets.ContainsKey(task.Name)).Select(source => new TaskSource(source, [task.Name], inputs))];
            var trainer = new Trainer(model, options with
            {
                Phases = PhasesOf(model, options.Phases, task.Name),
                StepsPerEpoch = StepsOf(options, sources, task.Name),
                Sampling = SourceSampling.All,
                Balancing = LossBalancing.Equal,
                EarlyStopping = options.EarlyStopping is { } stopping ? stopping with { Task = null } : null,
            });
            var held = Own(validation);
            var history = trainer.Fit(Own(sources), held, Of(task.Name, seed), cancellationToken);
            return new()
            {
                Seed = seed,
                Joint = together,
                Alone = trainer.Evaluate(held, cancellationToken: cancellationToken)[task.Name],
                AloneTraining = history,
            };
        }

        Reporting? Of(string? task, long seed)
        {
            var training = ++number;
            return progress is null ? null : new(report => progress.Report(
                new() { Task = task, Seed = seed, Training = training, Trainings = trainings, Progress = report }));
        }
    }

    /// <summary>Phases with the parts that a model has.</summary>
    private static TrainingPhase[] PhasesOf(MultiInputModel model, IReadOnlyList<TrainingPhase> phases, string task)
    {
        TrainingPhase[] own =
        [
            .. phases.Select(phase => (Phase: phase, Parts: phase.Parts.Select(part => part.Part.KnownTo(model.Built) is { } known ? known.At(part.Rate) : null).OfType<PartRate>().ToArray()))
                .Where(its => its.Parts.Length > 0)
                .Select(its => new TrainingPhase(its.Phase.Epochs, its.Parts) { LearningRate = its.Phase.LearningRate, LayerDecay = its.Phase.LayerDecay }),
        ];
        return own.Length > 0 || phases.Count == 0 ? own : throw new MultiInputException(
            $"task '{task}'", ModelComponent.Training, "all phases train parts that a model of it alone does not have.", "Give a phase with a part of it, such as Parts.All.");
    }

    /// <summary>The description of a model with one of the tasks.</summary>
    internal static ModelDescription Reduce(ModelDescription whole, TaskDescription task)
    {
        var inputs = DescriptionChecks.Sources(task);
        var named = whole.Bases.SelectMany(its => its.Inputs ?? []).ToHashSet();
        IEnumerable<BaseDescription> bases = whole.Bases
            .Where(its => its.Inputs is null ? inputs.Any(input => !named.Contains(input)) : its.Inputs.Any(inputs.Contains))
            .Select(its => its.Inputs is null ? its : its.With(inputs: [.. its.Inputs.Where(inputs.Contains)]));
        return new([.. whole.Inputs.Where(input => inputs.Contains(input.Name))], [.. bases], [task], whole.Fusion, whole.SharesFusion);
    }

    /// <summary>In how many steps of an epoch of all sources a source of a task takes part.</summary>
    private static int StepsOf(TrainerOptions options, IReadOnlyList<DataSource> sources, string task)
    {
        var plan = new TrainingPlan(options, sources);
        var batches = plan.StepsPerEpoch * options.AccumulatedBatches;
        var own = 0L;
        for (var number = 0L; number < batches; number++)
            own += plan.Draws(number).Any(draw => sources[draw.Source].Targets.ContainsKey(task)) ? 1 : 0;
        return (int)Math.Max(1, (own + options.AccumulatedBatches - 1) / options.AccumulatedBatches);
    }

    /// <summary>Reports at once, on the thread that trains.</summary>
    private sealed class Reporting(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
