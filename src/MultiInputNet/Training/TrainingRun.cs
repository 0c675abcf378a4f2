using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>One training from its beginning, or from a checkpoint, to its end: phase by phase, step by step, with an evaluation after each epoch.</summary>
internal sealed class TrainingRun : IDisposable
{
    private readonly TrainingSetup training;
    private readonly MultiInputModel model;
    private readonly TrainerOptions options;
    private readonly TrainingPlan plan;
    private readonly LearnedTensors learned;
    private readonly CheckpointContent content;
    private readonly TrainingReports reports;
    private readonly CheckpointStore? checkpoints;
    private readonly List<KeptBuffers> standardized = [];

    private TrainingState state = new();
    private PhaseTraining? current;

    /// <exception cref="MultiInputException">
    /// Files of the training cannot be written, which is found before anything is trained.
    /// </exception>
    public TrainingRun(TrainingSetup training, IProgress<TrainingProgress>? progress)
    {
        this.training = training;
        (model, options, plan, learned) = (training.Model, training.Options, training.Plan, training.Learned);
        content = new(training);
        checkpoints = options.Checkpoints is null ? null : new(options.Checkpoints, () => TrainingFingerprint.Of(training));
        try
        {
            reports = new(training, progress);
        }
        catch
        {
            checkpoints?.Dispose();
            throw;
        }
    }

    public TrainingHistory Run(bool resume, CancellationToken cancellationToken)
    {
        var freezing = model.SaveFreezing();
        try
        {
            var saved = Begin(resume);
            reports.FirstStep = state.Step;
            string[] found = [.. DataChecks.Find(model, options, training.Sources, training.Validation)];
            reports.Warn(found);
            model.AddWarnings(found);
            model.train();
            while (state.Phase < plan.Phases.Count)
            {
                RunPhase(plan.Phases[state.Phase], saved, cancellationToken);
                saved = [];
            }

            if (learned.Average is not null && options.EarlyStopping is null)
                learned.TakeAverage();
            return new()
            {
                Epochs = state.History,
                BestEpoch = options.EarlyStopping is null ? null : state.BestEpoch,
                Warnings = reports.Warnings,
            };
        }
        catch when (state.Step == 0)
        {
            // Nothing was learned: the model is unchanged.
            standardized.ForEach(kept => kept.PutBack());
            throw;
        }
        finally
        {
            model.RestoreFreezing(freezing);
            model.eval();
        }
    }

    public void Dispose()
    {
        checkpoints?.Dispose();
        standardized.ForEach(kept => kept.Dispose());
    }

    /// <summary>Restores a checkpoint, or writes the first. Returns the tensors of the optimizer, if there are any.</summary>
    private Dictionary<string, Tensor> Begin(bool resume)
    {
        // Replaced by the checkpoint's, or once the heads have their statistics.
        learned.StartAverage();
        if (resume && checkpoints!.ReadLatest(content.FindMistake) is var (read, tensors, left))
        {
            state = read;
            reports.Warn(left);
            return content.TakeOver(tensors);
        }

        if (!resume && checkpoints?.Files is [var latest, ..])
        {
            throw new MultiInputException(
                $"folder '{options.Checkpoints!.Folder}'",
                ModelComponent.Training,
                $"it holds the checkpoints of a training already, '{Path.GetFileName(latest)}' the latest.",
                "Continue that training with Resume, or choose an empty folder.");
        }

        StandardizeTargets();
        learned.StartAverage();
        WriteCheckpoint();
        return [];
    }

    /// <summary>Shows all training labels to the heads that are trained and still need their statistics.</summary>
    private void StandardizeTargets()
    {
        var trained = plan.Phases.SelectMany(planned => PhaseParameters.Find(model, planned.Phase).Trained)
            .Select(its => its.Parameter).ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var labels in training.Sources.SelectMany(source => source.Targets).GroupBy(pair => pair.Key, pair => pair.Value))
        {
            using var scope = NewDisposeScope();
            if (model.TaskHead(labels.Key) is { HasTargetStatistics: false } head && head.parameters().Any(trained.Contains))
            {
                standardized.Add(new(head));
                head.StandardizeTargets(cat([.. labels.Select(its => its.to(ScalarType.Float64).cpu())], 0));
            }
        }
    }

    private void RunPhase(PlannedPhase planned, Dictionary<string, Tensor> saved, CancellationToken cancellationToken)
    {
        var isStepping = false;
        try
        {
            current = new(training, planned, state, WhatIsKept, reports.ShowsMetrics);
            if (saved.Count > 0)
            {
                current.Optimizer.Load(saved);
                foreach (var tensor in saved.Values)
                    tensor.Dispose();
            }

            current.KeepFeatures(cancellationToken);
            var phase = state.Phase;
            while (state.Phase == phase)
            {
                cancellationToken.ThrowIfCancellationRequested();

                // A training that was stopped during an evaluation resumes with it.
                isStepping = true;
                var losses = plan.EndsEpoch(planned, state) ? [] : current.Step();
                isStepping = false;
                var rate = plan.RateOf(planned, state.Step - 1);
                var report = reports.Describe(state, rate, losses, current.Batches);
                EpochResult? result = null;
                if (plan.EndsEpoch(planned, state))
                {
                    result = EndEpoch(rate, cancellationToken);
                    if (state.Step == planned.End || state.EpochsWithoutBetter >= options.EarlyStopping?.Patience)
                        EndPhase(planned);
                }

                var checkpoint = result is not null || state.Step % (options.Checkpoints?.EverySteps ?? long.MaxValue) == 0 ? WriteCheckpoint() : null;
                reports.Send(report with { EpochResult = result, Checkpoint = checkpoint });
            }
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested && !isStepping)
        {
            // Between two steps, in an evaluation or while features are computed: the training can resume from each.
            throw Stopped(e, cancellationToken);
        }
        finally
        {
            current?.Dispose();
            current = null;
        }
    }

    private EpochResult EndEpoch(double rate, CancellationToken cancellationToken)
    {
        using var drawing = training.Random.OfEvaluation(state.Step);
        using var averaged = learned.Average?.Apply();
        var result = new EpochResult
        {
            Epoch = (int)(state.Step / plan.StepsPerEpoch),
            Phase = state.Phase + 1,
            Step = state.Step,
            LearningRate = rate,
            Losses = state.Losses.ToDictionary(pair => pair.Key, pair => pair.Value.Mean),
            EpochsSeen = reports.EpochsSeen(state),
            Validation = Evaluation.Run(model, training.Validation, options.EvaluationBatchSize, options: null, cancellationToken),
        };
        state.History.Add(result);
        learned.Balancer.EndEpoch(result.Losses);
        state.Losses.Clear();
        current!.Batches.EndEpoch();
        if (options.EarlyStopping?.IsBest(result, state) == true)
            learned.KeepAsBest();
        return result;
    }

    /// <summary>Passes the weights on to the next phase: the best, if they are kept.</summary>
    private void EndPhase(PlannedPhase planned)
    {
        // A part of a phase says nothing about a source.
        if (reports.FirstStep <= planned.First)
            current!.Batches.CheckRead();
        if (options.EarlyStopping is not null)
        {
            learned.TakeBest();
            learned.StartAverage();
        }

        state.Step = planned.End;
        state.Phase++;
        state.EpochsWithoutBetter = 0;
    }

    /// <summary>The exception with which a cancelled training ends; a checkpoint holds what it has done.</summary>
    private OperationCanceledException Stopped(OperationCanceledException cause, CancellationToken cancellationToken)
    {
        var kept = WriteCheckpoint() is { } path ? $"'{path}' holds its state: Resume continues it." : "The model keeps what it has learned.";
        return new($"The training was stopped after step {state.Step} of {plan.Steps}. {kept}", cause, cancellationToken);
    }

    private string? WriteCheckpoint()
    {
        using var scope = NewDisposeScope();
        return checkpoints?.Write(state, content.Gather(plan.IsWithin(state) ? current?.Optimizer : null));
    }

    private string WhatIsKept() => checkpoints?.Files is [var latest, ..]
        ? $"The weights are those of the step before; '{latest}' is the last checkpoint."
        : "The weights are those of the step before.";
}
