using MultiInputNet.Data;

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
    private readonly MultiInputModel model = model ?? throw new ArgumentNullException(nameof(model));

    /// <summary>How it trains.</summary>
    public TrainerOptions Options { get; } = options ?? new();

    /// <summary>Trains the model and leaves it in evaluation mode, with what was frozen before frozen again.</summary>
    /// <param name="sources">The samples to train on. Tensors on another device are moved batch by batch.</param>
    /// <param name="validation">Samples to evaluate on after each epoch; none when null.</param>
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
        SourceChecks.CheckFit(model, sources);
        return Evaluation.Run(model, sources, Options.EvaluationBatchSize, cancellationToken);
    }

    private TrainingHistory Run(
        bool resume,
        IReadOnlyList<DataSource> sources,
        IReadOnlyList<DataSource>? validation,
        IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken)
    {
        SourceChecks.CheckTraining(model, Options, sources, validation);
        using var training = new TrainingSetup(model, Options, sources, validation);
        using var run = new TrainingRun(training, progress);
        return run.Run(resume, cancellationToken);
    }
}
