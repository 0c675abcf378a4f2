using MultiInputNet.Data;
using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <content>Gradients that tasks put on the base.</content>
public static partial class Insight
{
    /// <summary>
    /// Measures the gradients that the tasks put on the parameters of the bases: whether they pull in the same direction (Yu et al., 2020),
    /// and how strongly.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The losses are those of a training, by the tasks' heads in training mode, with their label smoothing and class weights, with
    /// dropout, the sources' augmentation and statistics of the batch where a base has such normalisations; without mixup. Each measured
    /// batch has samples of every source, whatever the options' sampling, and losses are means over all labels of all batches, as if they
    /// were one large batch. Missing labels are left out, and so is a task without any. Regressions that know nothing of their labels yet
    /// learn their mean and deviation from the sources for the time of the measurement, as a training does before its first step.
    /// </para>
    /// <para>
    /// A frozen base is measured all the same: the gradients say what the tasks would do to it if it were trained. Loss balancing and
    /// gradient clipping do not count. Layers that inputs have for themselves in a base, projections, fusions and heads are not part of it.
    /// </para>
    /// <para>
    /// Afterwards the model is as before. Memory: a gradient of the bases for each task and input that it reads, twice. Time: for each
    /// batch a forward pass, and a backward pass through the base for each task and input.
    /// </para>
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="sources">Labelled samples.</param>
    /// <param name="batches">The number of batches of each source, at least 1: the first ones of a training with the options' seed.</param>
    /// <param name="options">The batch size and the seed; the defaults when null. What else they hold does not matter.</param>
    /// <param name="cancellationToken">Ends it between two batches.</param>
    /// <returns>The gradients.</returns>
    /// <exception cref="MultiInputException">
    /// A source does not fit the model, none of its samples can be read, no sample of the batches has a label, a loss is not finite, or no
    /// base has a parameter.
    /// </exception>
    public static TaskGradients GradientConflict(
        MultiInputModel model,
        IReadOnlyList<DataSource> sources,
        int batches = 4,
        TrainerOptions? options = null,
        CancellationToken cancellationToken = default) =>
        FindGradients(model, sources, batches, options, cancellationToken) ?? throw new MultiInputException(
            "gradients", ModelComponent.Target, "no sample of the batches has a label.", "Give sources with labels, or more batches.");

    /// <summary>As <see cref="GradientConflict"/>; null if no sample of the batches has a label.</summary>
    internal static TaskGradients? FindGradients(
        MultiInputModel model, IReadOnlyList<DataSource> sources, int batches, TrainerOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        SourceChecks.CheckFit(model, sources);
        using var undisturbed = new Undisturbed(model, gradients: true);
        using var measurement = new GradientMeasurement(model, sources, options ?? new());
        for (var number = 0; number < batches; number++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            measurement.Add(number);
        }

        return measurement.Result(batches);
    }
}
