using MultiInputNet.Data;

namespace MultiInputNet.Training;

/// <summary>
/// Trains a model on several sources at once: each step takes a batch from each source and minimises the sum of the losses of their tasks.
/// </summary>
/// <remarks>
/// <para>
/// A task's loss in a step is the mean over all labels that the step has for it, from whichever sources and accumulated batches. It
/// therefore has the same scale under every <see cref="SourceSampling"/>, and a task with two sources counts no more than a task with one.
/// </para>
/// <para>
/// A regression learns standardised values: before the first step, its head computes the mean and deviation of all training labels of its
/// task, and keeps them in later trainings (<see cref="RegressionHead"/>). Losses therefore start at a similar scale whatever the units of
/// the labels.
/// </para>
/// <para>
/// A training is a function of the model's weights, the sources and the options: the order of samples and everything random follow from the
/// seed and the step. On the CPU it gives the same result to the bit each time, also when it is resumed. Torch's random state is restored
/// afterwards, except CUDA's, which cannot be read. Several trainings may run at once on different threads, each with its own model: those
/// with dropout, augmentation or user-defined modules take turns batch by batch, since these draw from the one random state of the process.
/// Whatever the program itself draws on another thread meanwhile may fall into such a batch.
/// </para>
/// </remarks>
/// <param name="model">The model. It stays the caller's.</param>
/// <param name="options">How it trains; the defaults when null.</param>
public sealed class Trainer(MultiInputModel model, TrainerOptions? options = null)
{
    private readonly MultiInputModel model = model ?? throw new ArgumentNullException(nameof(model));

    /// <summary>The options.</summary>
    public TrainerOptions Options { get; } = options ?? new();

    /// <summary>Trains the model and leaves it in evaluation mode, with its frozen parts as they were.</summary>
    /// <param name="sources">The samples to train on. Tensors on another device are moved batch by batch.</param>
    /// <param name="validation">Samples to evaluate on after each epoch; none when null.</param>
    /// <param name="progress">Told of each step, on the thread that trains.</param>
    /// <param name="cancellationToken">Ends the training between two steps or in an evaluation; a checkpoint is written where there is a folder for it.</param>
    /// <returns>The result of each epoch.</returns>
    /// <exception cref="MultiInputException">
    /// A source does not fit the model; a source or a task has no labels, or none of its samples can be read; a loss or an output is not
    /// finite; no task has a value for <see cref="TrainerOptions.EarlyStopping"/> to compare; or the checkpoint folder holds those of
    /// another training, is in use by another training, or cannot be written to.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled; the model keeps what it has learned.</exception>
    public TrainingHistory Fit(
        IReadOnlyList<DataSource> sources,
        IReadOnlyList<DataSource>? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default) => Run(false, sources, validation, progress, cancellationToken);

    /// <summary>
    /// As <see cref="Fit"/>, on a thread of its own: with the same result to the bit, whatever the caller's thread has set, such as
    /// <c>torch.no_grad()</c>. The model and the sources are the training's until the task ends.
    /// </summary>
    /// <param name="sources">As for <see cref="Fit"/>.</param>
    /// <param name="validation">As for <see cref="Fit"/>.</param>
    /// <param name="progress">As for <see cref="Fit"/>; a <see cref="Progress{T}"/> reports where it was created, on the user interface for instance.</param>
    /// <param name="cancellationToken">As for <see cref="Fit"/>: the task is then cancelled.</param>
    /// <returns>A task with the result of each epoch, or with what <see cref="Fit"/> would throw.</returns>
    public Task<TrainingHistory> FitAsync(
        IReadOnlyList<DataSource> sources,
        IReadOnlyList<DataSource>? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default) => OnItsOwnThread(() => Fit(sources, validation, progress, cancellationToken));

    /// <summary>
    /// Resumes a training from its latest checkpoint, or starts it if there is none yet. It ends with the same weights, on the CPU to the
    /// bit, as an uninterrupted training.
    /// </summary>
    /// <param name="sources">As for <see cref="Fit"/>: the same as at the start.</param>
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

    /// <summary>As <see cref="Resume"/>, on a thread of its own, like <see cref="FitAsync"/>.</summary>
    /// <param name="sources">As for <see cref="Fit"/>: the same as at the start.</param>
    /// <param name="validation">As for <see cref="Fit"/>.</param>
    /// <param name="progress">As for <see cref="FitAsync"/>.</param>
    /// <param name="cancellationToken">As for <see cref="FitAsync"/>.</param>
    /// <returns>A task with the result of each epoch, or with what <see cref="Resume"/> would throw.</returns>
    public Task<TrainingHistory> ResumeAsync(
        IReadOnlyList<DataSource> sources,
        IReadOnlyList<DataSource>? validation = null,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default) => OnItsOwnThread(() => Resume(sources, validation, progress, cancellationToken));

    /// <summary>Evaluates every task of the sources in evaluation mode and restores the model's mode afterwards.</summary>
    /// <param name="sources">The samples.</param>
    /// <param name="options">What to return besides metrics; no predictions when null.</param>
    /// <param name="cancellationToken">Ends the evaluation between two batches.</param>
    /// <returns>
    /// The evaluation of each task by its name. A task with several sources is evaluated over all of them; one without labels has a count
    /// of 0, and NaN for loss and metrics.
    /// </returns>
    /// <exception cref="MultiInputException">
    /// A source does not fit the model, none of its samples can be read, or the model's outputs are not finite.
    /// </exception>
    public IReadOnlyDictionary<string, TaskEvaluation> Evaluate(
        IReadOnlyList<DataSource> sources, EvaluationOptions? options = null, CancellationToken cancellationToken = default)
    {
        SourceChecks.CheckFit(model, sources);
        return Evaluation.Run(model, sources, Options.EvaluationBatchSize, options ?? new(), cancellationToken);
    }

    // Awaited, so that a training that was stopped cancels the task and keeps its message.
    private static async Task<TrainingHistory> OnItsOwnThread(Func<TrainingHistory> train) =>
        await Task.Factory.StartNew(train, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);

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
