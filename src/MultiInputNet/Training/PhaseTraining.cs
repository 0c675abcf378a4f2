using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>A phase of a training: what it trains, with which optimizer, on which batches; and one step of it.</summary>
internal sealed class PhaseTraining : IDisposable
{
    private readonly TrainingSetup training;
    private readonly PlannedPhase phase;
    private readonly TrainingState state;
    private readonly Func<string> whatIsKept;
    private readonly Parameter[] shared;

    /// <summary>Freezes what the phase does not train, and creates a new optimizer.</summary>
    /// <param name="training">What the training consists of.</param>
    /// <param name="phase">The phase.</param>
    /// <param name="state">Where the training stands; steps change it.</param>
    /// <param name="whatIsKept">Says what the user has where a step fails.</param>
    /// <param name="showsMetrics">Whether metrics of the training batches are asked for.</param>
    /// <exception cref="MultiInputException">There is nothing to train.</exception>
    public PhaseTraining(TrainingSetup training, PlannedPhase phase, TrainingState state, Func<string> whatIsKept, bool showsMetrics)
    {
        (this.training, this.phase, this.state, this.whatIsKept) = (training, phase, state, whatIsKept);
        var (model, options) = (training.Model, training.Options);
        var parameters = PhaseParameters.Freeze(model, phase.Phase);
        if (parameters.Trained.Count == 0)
        {
            throw new MultiInputException(
                "training", ModelComponent.Training, "everything is frozen.", "Unfreeze what should be trained, or name it in a phase.");
        }

        Optimizer = new(options.Optimizer, options.WeightDecay, parameters, training.Learned.Balancer);
        shared = [.. model.SharedModules.SelectMany(module => module.parameters()).Where(parameter => parameter.requires_grad)];
        Batches = new(model, options, training.Sources, whatIsKept, showsMetrics);
    }

    public PhaseOptimizer Optimizer { get; }

    public PhaseBatches Batches { get; }

    /// <summary>Runs the parts that are frozen in this phase once, if their results are to be reused.</summary>
    public void KeepFeatures(CancellationToken cancellationToken)
    {
        using var drawing = training.Random.OfFeatures(phase.First);
        Batches.KeepFeatures(cancellationToken);
    }

    /// <summary>
    /// One update of the weights; returns the loss of each task. Nothing changes if a loss or the gradient is not finite.
    /// </summary>
    public Dictionary<string, double> Step()
    {
        using var scope = NewDisposeScope();
        Dictionary<string, TrainingState.LossSum> losses;
        training.Buffers.Take();
        try
        {
            losses = Gradients();
            CheckBuffers();
        }
        catch
        {
            training.Buffers.PutBack();
            throw;
        }

        Optimizer.Step(training.Plan.RateOf(phase, state.Step));
        training.Learned.Average?.Update();
        state.Step++;
        foreach (var (task, loss) in losses)
            state.Losses[task] = state.Losses.GetValueOrDefault(task, new(0, 0)).Add(loss);
        return losses.ToDictionary(pair => pair.Key, pair => pair.Value.Mean);
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        Batches.Dispose();
    }

    /// <summary>Computes the clipped gradients of a step and returns the losses.</summary>
    private Dictionary<string, TrainingState.LossSum> Gradients()
    {
        training.Model.zero_grad();
        foreach (var parameter in training.Learned.Balancer.Parameters)
            parameter.grad = null;
        var losses = new Dictionary<string, TrainingState.LossSum>();
        var accumulated = training.Options.AccumulatedBatches;
        var first = state.Step * accumulated;
        var drawn = Enumerable.Range(0, accumulated).Select(i => Draw(first + i)).ToArray();
        var divisors = drawn.SelectMany(batch => batch).SelectMany(batch => batch.Labels)
            .GroupBy(labels => labels.Task).ToDictionary(group => group.Key, group => group.Sum(labels => labels.Divisor));
        foreach (var (i, batch) in drawn.Index())
        {
            using var drawing = training.Random.OfBatch(first + i);
            foreach (var loss in Descend(first + i, batch, divisors))
                losses[loss.Task] = losses.GetValueOrDefault(loss.Task, new(0, 0)).Add(new(loss.Value * loss.Divisor, loss.Divisor));
        }

        var norm = nn.utils.clip_grad_norm_(Optimizer.Trained, training.Options.GradientClip);
        if (!double.IsFinite(norm))
        {
            var means = string.Join(", ", losses.Select(pair => $"task '{pair.Key}' {pair.Value.Mean}"));
            throw new MultiInputException(
                "training",
                ModelComponent.Training,
                $"the gradient's norm is {norm} at step {state.Step + 1}, with losses of {means}.",
                $"Lower the learning rate, or look for huge values in the inputs. {whatIsKept()}") { IsDivergence = true };
        }

        return losses;
    }

    /// <summary>Reads a batch of each source that takes part.</summary>
    private IReadOnlyList<DrawnBatch> Draw(long number)
    {
        var draws = training.Plan.Draws(number);
        foreach (var source in draws.Select(draw => training.Sources[draw.Source]))
            state.Drawn[source.Name] = state.Drawn.GetValueOrDefault(source.Name) + Math.Min(source.Count, source.BatchSize ?? training.Options.BatchSize);
        return Batches.Draw(draws);
    }

    /// <summary>
    /// Adds the gradients of a batch of each source and returns the losses. Each counts in proportion to its part of the step's labels for
    /// its task: together they are the mean over all labels.
    /// </summary>
    private IReadOnlyList<BatchLoss> Descend(long number, IReadOnlyList<DrawnBatch> drawn, Dictionary<string, double> divisors)
    {
        using var scope = NewDisposeScope();
        var losses = Batches.Losses(state.Step, number, drawn);
        training.Learned.Balancer.BackwardPart(
            [.. losses.Select(loss => (loss.Task, loss.Loss, loss.Divisor / Math.Max(divisors[loss.Task], double.Epsilon)))], shared, number);
        return losses;
    }

    private void CheckBuffers()
    {
        if (training.Buffers.FindBroken() is { } broken)
        {
            throw new MultiInputException(
                "training",
                ModelComponent.Training,
                $"'{broken}', which a forward pass changes, is not finite at step {state.Step + 1}.",
                $"A normalisation had too few values, or values that are too large: use larger batches, or look for huge values in the inputs. {whatIsKept()}") { IsDivergence = true };
        }
    }
}
