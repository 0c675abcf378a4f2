using MultiInputNet.Data;
using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <content>Advice.</content>
public static partial class Insight
{
    /// <summary>
    /// Measures what commonly goes wrong with several inputs and tasks, and says in words what to do where a measurement supports it.
    /// </summary>
    /// <remarks>
    /// <para>The rules, each with its threshold:</para>
    /// <list type="bullet">
    /// <item>Two tasks oppose each other: the cosine of their gradients is below -0.1, and below 0 in at least three of four
    /// batches.</item>
    /// <item>
    /// An input is idle: the gradient that it puts on the base is less than a millionth of the largest one; or the base features of its
    /// samples deviate by less than 0.001 of their size.
    /// </item>
    /// <item>
    /// A task is over-trained: its last validation loss is more than 10 % above its smallest, while its training loss fell since that
    /// epoch. Not if early stopping gave the model the weights of an earlier epoch.
    /// </item>
    /// <item>
    /// Normalisation is doubled: the samples that go into a standardisation already have means within 0.2 of 0 and deviations of 0.7 to 1.4
    /// in every channel, and its own are far from that; or the input is standardised, and its base begins with a normalisation.
    /// </item>
    /// <item>Raw pixels: the samples of an image without standardisation are whole numbers from 0 to 255, with some above 25.</item>
    /// <item>
    /// A column is nearly unique: at least 90 % of the rows looked at have a category of their own; or its numbers are whole, all
    /// different, and fill more than half of the range from the smallest to the largest, as numbers of rows do. Of 50 rows and more.
    /// </item>
    /// <item>Classes are numbers: more than 12, all with names that are numbers in increasing order.</item>
    /// <item>
    /// A base is small: a task is worse together than alone by more than 0.02 and two standard errors, without a task that it opposes; or
    /// all tasks still have more than 60 % of the training loss of a guess after ten epochs, no better in validation, and the second half
    /// of the training took off less than 2 %.
    /// </item>
    /// <item>What a training notices in the data by itself is passed on.</item>
    /// </list>
    /// <para>Thresholds are rules of thumb. The model is afterwards as before.</para>
    /// </remarks>
    /// <param name="model">The model, trained or not.</param>
    /// <param name="sources">The samples that it is trained on, with labels.</param>
    /// <param name="history">Its training; rules about the training are left out when null.</param>
    /// <param name="gradients">
    /// The gradients of the tasks (<see cref="GradientConflict"/>); when null they are measured, on four batches of 64 samples.
    /// </param>
    /// <param name="comparison">Its tasks trained alone (<see cref="JointAgainstAlone"/>); rules about them are left out when null.</param>
    /// <param name="cancellationToken">Ends it between two measurements.</param>
    /// <returns>The advice, in the order of <see cref="AdviceKind"/>; empty if nothing was found.</returns>
    /// <exception cref="MultiInputException">A source does not fit the model, or has no labels.</exception>
    public static IReadOnlyList<Advice> Advise(
        MultiInputModel model,
        IReadOnlyList<DataSource> sources,
        TrainingHistory? history = null,
        TaskGradients? gradients = null,
        IReadOnlyList<JointComparison>? comparison = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        SourceChecks.CheckFit(model, sources);
        if (sources.Count == 0)
            throw new ArgumentException("There is no source; give at least one.", nameof(sources));
        if (comparison?.Contains(null!) == true)
            throw new ArgumentException("One of the comparisons is null.", nameof(comparison));
        gradients ??= GradientConflict(model, sources, cancellationToken: cancellationToken);
        Advice[] opposed = [.. SharingAdvice.OpposedTasks(gradients)];
        Advice[] found =
        [
            .. opposed,
            .. SharingAdvice.IdleInputs(model, sources, gradients, cancellationToken),
            .. HistoryAdvice.Overtrained(history),
            .. DataAdvice.Find(model, sources),
            .. DataAdvice.NumericClasses(model),
            .. HistoryAdvice.SmallBase(model, sources, history, comparison, opposed.Length > 0),
        ];
        cancellationToken.ThrowIfCancellationRequested();
        return [.. found.Concat(DataAdvice.Warnings(model, sources, history, found)).OrderBy(advice => advice.Kind)];
    }
}
