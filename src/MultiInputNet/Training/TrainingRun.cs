using System.Diagnostics;
using MultiInputNet.Data;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>One training from its beginning, or from a checkpoint, to its end.</summary>
internal sealed class TrainingRun : IDisposable
{
    /// <summary>What a checkpoint's fingerprint calls the model's description.</summary>
    public const string ModelName = "model";

    private static readonly string[] Prefixes = ["model.", "best.", "balancer.", "average.", "optimizer."];

    private readonly Trainer trainer;
    private readonly MultiInputModel model;
    private readonly TrainerOptions options;
    private readonly IReadOnlyList<DataSource> sources;
    private readonly IReadOnlyList<DataSource>? validation;
    private readonly IProgress<TrainingProgress>? progress;
    private readonly List<Span> phases = [];
    private readonly SourcePlan plan;
    private readonly LossBalancer balancer;
    private readonly long stepsPerEpoch;
    private readonly string[] tasks;
    private readonly List<string> warnings = [];
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly Dictionary<string, Tensor> best = [];
    private readonly List<KeptBuffers> standardized = [];
    private readonly KeptBuffers buffers;
    private readonly bool drawsInTraining;
    private readonly bool drawsInEvaluation;

    private CheckpointStore? checkpoints;
    private TrainingLog? log;
    private WeightAverage? average;
    private TrainingState state = new();
    private long firstStep;
    private int reportedWarnings;

    // What a phase has, made anew for each.
    private PhaseParameters parameters = new([], []);
    private OptimizerHelper? optimizer;
    private (string Name, Parameter Parameter)[] optimized = [];
    private double[] groupRates = [];
    private Parameter[] shared = [];
    private PhaseBatches? batches;

    public TrainingRun(
        Trainer trainer, IReadOnlyList<DataSource> sources, IReadOnlyList<DataSource>? validation, IProgress<TrainingProgress>? progress)
    {
        this.trainer = trainer;
        (model, options) = (trainer.Model, trainer.Options);
        (this.sources, this.validation, this.progress) = (sources, validation, progress);
        stepsPerEpoch = options.StepsPerEpoch ?? (PlanOf(null).StepsPerEpoch + options.AccumulatedBatches - 1) / options.AccumulatedBatches;
        plan = PlanOf(stepsPerEpoch * options.AccumulatedBatches);
        tasks = sources.SelectMany(source => source.Targets.Keys).Distinct().ToArray();
        balancer = options.Balancing.Create(tasks, [.. tasks.Where(task => trainer.HeadOf(task).HasSquaredLoss)], model.Device);
        var epoch = 0;
        foreach (var phase in options.Phases.DefaultIfEmpty<TrainingPhase?>(null))
        {
            phases.Add(new(phase, epoch * stepsPerEpoch, (phase?.Epochs ?? options.Epochs) * stepsPerEpoch));
            epoch += phase?.Epochs ?? options.Epochs;
        }

        buffers = new(model);
        drawsInEvaluation = RandomModules.DrawInEvaluation(model);

        drawsInTraining = RandomModules.DrawInTraining(model) || sources.Any(source => source.Augment is not null) || balancer.MayDraw;
    }

    private long Steps => phases[^1].End;

    public TrainingHistory Run(bool resume, CancellationToken cancellationToken)
    {
        // Whatever cannot be written is found before anything is trained.
        checkpoints = options.Checkpoints is null ? null : new(options.Checkpoints, Fingerprint);
        log = options.TensorBoardFolder is null ? null : new(options.TensorBoardFolder);
        var freezing = model.SaveFreezing();
        try
        {
            var saved = Begin(resume);
            firstStep = state.Step;
            string[] found = [.. DataChecks.Find(model, options, sources, validation ?? [])];
            warnings.AddRange(found);
            model.AddWarnings(found);
            model.train();
            while (state.Phase < phases.Count)
            {
                RunPhase(phases[state.Phase], saved, cancellationToken);
                saved = null;
            }

            if (average is not null && options.EarlyStopping is null)
                KeepAverage();
            return new(state.History, options.EarlyStopping is null ? null : state.BestEpoch) { Warnings = warnings };
        }
        catch when (state.Step == 0)
        {
            // Nothing was learned: the model is as it was.
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
        LeavePhase();
        checkpoints?.Dispose();
        balancer.Dispose();
        average?.Dispose();
        buffers.Dispose();
        standardized.ForEach(kept => kept.Dispose());
        foreach (var tensor in best.Values)
            tensor.Dispose();
    }

    /// <summary>Takes over a checkpoint, or writes the first. Gives the tensors of the optimizer, if there are any.</summary>
    private Dictionary<string, Tensor>? Begin(bool resume)
    {
        // Replaced by the checkpoint's, or once the heads have their statistics.
        StartAverage();
        if (resume && checkpoints!.ReadLatest(FindMistake) is var (read, tensors, left))
        {
            state = read;
            warnings.AddRange(left);
            CopyInto(model.state_dict(), Part(tensors, "model."));
            foreach (var (name, tensor) in Part(tensors, "best."))
                best[name] = tensor.DetachFromDisposeScope();
            foreach (var (name, tensor) in tensors)
            {
                if (!name.StartsWith("best.", StringComparison.Ordinal) && !name.StartsWith("optimizer.", StringComparison.Ordinal))
                    tensor.Dispose();
            }

            return Part(tensors, "optimizer.");
        }

        if (!resume && checkpoints?.Files is [var latest, ..])
        {
            throw new MultiInputException(
                $"folder '{options.Checkpoints!.Folder}'",
                ModelComponent.Training,
                $"it holds the checkpoints of a training already, '{Path.GetFileName(latest)}' the latest.",
                "Go on with that training by Resume, or choose an empty folder.");
        }

        StandardizeTargets();
        StartAverage();
        WriteCheckpoint();
        return null;
    }

    /// <summary>Shows all training labels to the heads that are trained and do not know of them what they have to.</summary>
    private void StandardizeTargets()
    {
        var trained = phases.SelectMany(span => PhaseParameters.Find(model, span.Phase).Trained).Select(its => its.Parameter).ToHashSet(ReferenceEqualityComparer.Instance);
        foreach (var labels in sources.SelectMany(source => source.Targets).GroupBy(pair => pair.Key, pair => pair.Value))
        {
            using var scope = NewDisposeScope();
            if (trainer.HeadOf(labels.Key) is { HasTargetStatistics: false } head && head.parameters().Any(trained.Contains))
            {
                standardized.Add(new(head));
                head.StandardizeTargets(cat([.. labels.Select(its => its.to(ScalarType.Float64).cpu())], 0));
            }
        }
    }

    /// <summary>
    /// Compares a checkpoint with all that this training has a place for. Of the model, its freezing alone is changed; the balancing and
    /// the average, which are this run's own, have the checkpoint's values where it is right.
    /// </summary>
    private string? FindMistake(TrainingState read, Dictionary<string, Tensor> tensors)
    {
        if (CheckpointChecks.OfState(read, [.. phases.Select(phase => (phase.First, phase.End))], stepsPerEpoch, [.. sources.Select(source => source.Name)], tasks) is { } mistake)
            return mistake;
        if (tensors.Keys.FirstOrDefault(name => !Prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))) is { } odd)
            return $"its tensor '{odd}' has no place in the training.";
        var weights = model.state_dict().ToDictionary(pair => pair.Key, pair => (pair.Value.dtype, pair.Value.shape, true));
        var kept = Part(tensors, "best.");
        if (CheckpointChecks.OfTensors(Part(tensors, "model."), weights, "model.") is { } wrongWeights)
            return wrongWeights;
        if (kept.Count > 0 && CheckpointChecks.OfTensors(kept, weights, "best.") is { } wrongBest)
            return wrongBest;
        if (read.BestEpoch is not null && kept.Count == 0)
            return "the weights of its best epoch are missing.";
        if (FindOptimizerMistake(read, Part(tensors, "optimizer.")) is { } wrongOptimizer)
            return wrongOptimizer;
        var averages = Part(tensors, "average.");
        if (average is null && averages.Count > 0)
            return "it has averages of the weights, and the training keeps none.";
        try
        {
            average?.Load(averages);
            balancer.Load(Part(tensors, "balancer."));
            return null;
        }
        catch (MultiInputException e)
        {
            return $"its {e.Subject} is damaged: {e.Problem}";
        }
    }

    private string? FindOptimizerMistake(TrainingState read, Dictionary<string, Tensor> saved)
    {
        var known = new Dictionary<string, (ScalarType Type, long[] Shape, bool IsDue)>();
        if (read.Phase < phases.Count && read.Step > phases[read.Phase].First)
        {
            Freeze(phases[read.Phase]);
            foreach (var (parameter, place) in Optimized().SelectMany(pair => options.Optimizer.Describe(pair.Parameter), (pair, place) => (pair.Name, place)))
                known.Add($"{parameter}.{place.Name}", (place.Type, place.Shape, place.IsDue));
        }

        return CheckpointChecks.OfTensors(saved, known, "optimizer.")
            ?? (saved.Any(pair => pair.Key.EndsWith(".step", StringComparison.Ordinal) && pair.Value.dtype == ScalarType.Int64 && pair.Value.dim() == 0
                    && pair.Value.item<long>() is var count && (count < 0 || count > read.Step)) ? "its optimizer has done more steps than the training." : null);
    }

    private void RunPhase(Span span, Dictionary<string, Tensor>? saved, CancellationToken cancellationToken)
    {
        var isStepping = false;
        try
        {
            EnterPhase(span, saved, cancellationToken);
            var phase = state.Phase;
            while (state.Phase == phase)
            {
                cancellationToken.ThrowIfCancellationRequested();

                // A training that was stopped in an evaluation goes on with it.
                isStepping = true;
                var losses = EndsEpoch(span) ? [] : Step(RateOf(span, state.Step));
                isStepping = false;
                var rate = RateOf(span, state.Step - 1);
                var current = Describe(rate, losses);
                EpochResult? result = null;
                if (EndsEpoch(span))
                {
                    result = EndEpoch(rate, cancellationToken);
                    if (state.Step == span.End || state.EpochsWithoutBetter >= options.EarlyStopping?.Patience)
                    {
                        if (firstStep <= span.First)
                            batches!.CheckRead(); // a part of the phase says nothing about a source
                        EndPhase(span);
                    }
                }

                var checkpoint = result is not null || state.Step % (options.Checkpoints?.EverySteps ?? long.MaxValue) == 0 ? WriteCheckpoint() : null;
                current = current with { EpochResult = result, Checkpoint = checkpoint };
                log?.Write(current);
                progress?.Report(current);
            }
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested && !isStepping)
        {
            // Between two steps, in an evaluation or while features are computed: the training can go on from each.
            throw Stopped(e, cancellationToken);
        }
        finally
        {
            LeavePhase();
        }
    }

    /// <summary>Whether the steps of an epoch are done and its evaluation is to come.</summary>
    private bool EndsEpoch(Span span) => state.Step > span.First
        && (state.Step - span.First) % stepsPerEpoch == 0
        && !(state.History is [.., var last] && last.Step == state.Step);

    private void EnterPhase(Span span, Dictionary<string, Tensor>? saved, CancellationToken cancellationToken)
    {
        Freeze(span);
        if (parameters.Trained.Count == 0)
            throw new MultiInputException("training", ModelComponent.Training, "everything is frozen.", "Unfreeze what should be trained, or name it in a phase.");

        var groups = parameters.Trained.GroupBy(trained => (trained.Rate, trained.Decays)).ToArray();
        parameters = parameters with { Trained = [.. groups.SelectMany(group => group)] };
        groupRates = [.. groups.Select(group => group.Key.Rate), 1];
        optimizer = options.Optimizer.Create(
        [
            .. groups.Select(group => ((IReadOnlyList<Parameter>)[.. group.Select(trained => trained.Parameter)], group.Key.Decays ? options.WeightDecay : 0)),
            (balancer.Parameters, 0),
        ]);
        optimized = Optimized();
        if (saved?.Count > 0)
        {
            LoadOptimizer(saved);
            foreach (var tensor in saved.Values)
                tensor.Dispose();
        }

        shared = [.. model.Paths.Select(path => path.Base).Distinct().SelectMany(sharedBase => sharedBase.parameters()).Where(parameter => parameter.requires_grad)];
        using var drawing = Drawing(drawsInEvaluation, SeededOrder.SeedOf(SeededOrder.SeedOf(options.Seed, span.First), 2));
        batches = new(trainer, sources, WhatIsKept, progress is not null, cancellationToken);
    }

    /// <summary>Finds what a phase trains and freezes the rest.</summary>
    private void Freeze(Span span)
    {
        parameters = PhaseParameters.Find(model, span.Phase);
        if (span.Phase is not null)
            model.RestoreFreezing(parameters.Frozen);
        parameters = parameters with { Trained = [.. parameters.Trained.Where(trained => trained.Parameter.requires_grad)] };
    }

    /// <summary>What the optimizer has a state of, by the names that checkpoints give it.</summary>
    private (string Name, Parameter Parameter)[] Optimized() =>
    [
        .. parameters.Trained.Select(trained => (trained.Name, trained.Parameter)),
        .. balancer.Parameters.Index().Select(pair => ($"balancer{pair.Index}", pair.Item)),
    ];

    private void LeavePhase()
    {
        optimizer?.Dispose();
        optimizer = null;
        batches?.Dispose();
        batches = null;
    }

    /// <summary>One change of the weights. Nothing is changed where a loss or the gradient is not finite.</summary>
    private Dictionary<string, double> Step(double rate)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, TrainingState.LossSum> losses;
        buffers.Take();
        try
        {
            losses = Gradients();
            CheckBuffers();
        }
        catch
        {
            buffers.PutBack();
            throw;
        }

        foreach (var (group, factor) in optimizer!.ParamGroups.Zip(groupRates))
            group.LearningRate = rate * factor;
        optimizer.step();
        average?.Update();
        state.Step++;
        foreach (var (task, loss) in losses)
            state.Losses[task] = state.Losses.GetValueOrDefault(task, new(0, 0)).Add(loss);
        return losses.ToDictionary(pair => pair.Key, pair => pair.Value.Mean);
    }

    private void CheckBuffers()
    {
        if (buffers.FindBroken() is { } broken)
        {
            throw new MultiInputException(
                "training",
                ModelComponent.Training,
                $"'{broken}', which a forward pass changes, is not finite at step {state.Step + 1}.",
                $"A normalisation had too few values or values that are too large: give larger batches, or look for huge values in the inputs. {WhatIsKept()}");
        }
    }

    /// <summary>Computes the clipped gradients of a step and gives the losses.</summary>
    private Dictionary<string, TrainingState.LossSum> Gradients()
    {
        model.zero_grad();
        foreach (var parameter in balancer.Parameters)
            parameter.grad = null;
        var losses = new Dictionary<string, TrainingState.LossSum>();
        var first = state.Step * options.AccumulatedBatches;
        var drawn = Enumerable.Range(0, options.AccumulatedBatches).Select(i => Draw(first + i)).ToArray();
        var divisors = drawn.SelectMany(batch => batch).SelectMany(batch => batch.Labels)
            .GroupBy(labels => labels.Task).ToDictionary(group => group.Key, group => group.Sum(labels => labels.Divisor));
        foreach (var (i, batch) in drawn.Index())
        {
            // All that is drawn at random in a batch follows from the seed and its number: resuming needs no random state.
            using var drawing = Drawing(drawsInTraining, SeededOrder.SeedOf(options.Seed, first + i));
            foreach (var loss in Descend(first + i, batch, divisors))
                losses[loss.Task] = losses.GetValueOrDefault(loss.Task, new(0, 0)).Add(new(loss.Value * loss.Divisor, loss.Divisor));
        }

        var norm = nn.utils.clip_grad_norm_(parameters.Trained.Select(trained => trained.Parameter), options.GradientClip);
        if (!double.IsFinite(norm))
        {
            throw new MultiInputException(
                "training",
                ModelComponent.Training,
                $"the gradient's norm is {norm} at step {state.Step + 1}, with losses of {string.Join(", ", losses.Select(pair => $"task '{pair.Key}' {pair.Value.Mean}"))}.",
                $"Lower the learning rate, or look for huge values in the inputs. {WhatIsKept()}");
        }

        return losses;
    }

    /// <summary>Reads a batch of each source whose turn it is.</summary>
    private IReadOnlyList<DrawnBatch> Draw(long number)
    {
        var draws = plan.At(number);
        foreach (var source in draws.Select(draw => sources[draw.Source]))
            state.Drawn[source.Name] = state.Drawn.GetValueOrDefault(source.Name) + Math.Min(source.Count, source.BatchSize ?? options.BatchSize);
        return batches!.Draw(draws);
    }

    /// <summary>
    /// Adds the gradients of a batch of each source and gives the losses. Each counts as its share of what the step has for its
    /// task: together they are the mean over all labels.
    /// </summary>
    private IReadOnlyList<BatchLoss> Descend(long number, IReadOnlyList<DrawnBatch> drawn, Dictionary<string, double> divisors)
    {
        using var scope = NewDisposeScope();
        var losses = batches!.Losses(state.Step, number, drawn);
        balancer.BackwardPart([.. losses.Select(loss => (loss.Task, loss.Loss, loss.Divisor / Math.Max(divisors[loss.Task], double.Epsilon)))], shared, number);
        return losses;
    }

    /// <summary>A span in which what is drawn from torch's random state follows from a seed; none where nothing is drawn.</summary>
    private IDisposable? Drawing(bool isRandom, long seed) => isRandom ? GlobalRandom.Seeded(seed, model.Device) : null;

    private string WhatIsKept() => checkpoints?.Files is [var latest, ..]
        ? $"The weights are those of the step before; '{latest}' is the last checkpoint."
        : "The weights are those of the step before.";

    private EpochResult EndEpoch(double rate, CancellationToken cancellationToken)
    {
        using var drawing = Drawing(drawsInEvaluation, SeededOrder.SeedOf(SeededOrder.SeedOf(options.Seed, state.Step), 1));
        using var averaged = average?.Apply();
        var evaluation = validation is null ? new Dictionary<string, TaskEvaluation>() : trainer.Evaluate(validation, cancellationToken);
        var result = new EpochResult(
            (int)(state.Step / stepsPerEpoch),
            state.Phase + 1,
            state.Step,
            rate,
            state.Losses.ToDictionary(pair => pair.Key, pair => pair.Value.Mean),
            EpochsSeen(),
            evaluation);
        state.History.Add(result);
        balancer.EndEpoch(result.Losses);
        state.Losses.Clear();
        batches!.EndEpoch();
        if (options.EarlyStopping is { } stopping)
            Compare(stopping, result);
        return result;
    }

    /// <summary>Keeps the weights where the validation is the best so far.</summary>
    private void Compare(EarlyStopping stopping, EpochResult result)
    {
        var values = Values(stopping, result);
        var best = state.History.FirstOrDefault(epoch => epoch.Epoch == state.BestEpoch);
        var due = best is null ? 0 : Values(stopping, best).Length;
        if (values.Length == 0 && best is null)
        {
            throw new MultiInputException(
                "training",
                ModelComponent.Training,
                $"early stopping has nothing to compare: in the validation no value of task {Shapes.Names(stopping.Task is null ? result.Validation.Keys : [stopping.Task])} is finite.",
                "Validate on samples whose labels differ: several classes or numbers, and a yes for multi-label tasks; or leave EarlyStopping out.");
        }

        var value = values.DefaultIfEmpty(double.NegativeInfinity).Average();
        if (best is not null && (values.Length < due || (values.Length == due && !(value > state.BestValue + stopping.MinDelta))))
        {
            state.EpochsWithoutBetter++;
            return;
        }

        (state.BestValue, state.BestEpoch, state.EpochsWithoutBetter) = (value, result.Epoch, 0);
        KeepAsBest();
    }

    /// <summary>What early stopping compares: tasks without a finite value are left out.</summary>
    private static double[] Values(EarlyStopping stopping, EpochResult result) =>
    [
        .. result.Validation.Where(pair => (stopping.Task ?? pair.Key) == pair.Key).Select(pair => pair.Value.Score).Where(double.IsFinite),
    ];

    private void KeepAsBest()
    {
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in model.state_dict())
        {
            if (best.TryGetValue(name, out var old))
                old.Dispose();
            best[name] = tensor.detach().clone().DetachFromDisposeScope();
        }
    }

    /// <summary>Gives the model the average of its weights for good.</summary>
    private void KeepAverage()
    {
        using (average!.Apply())
            KeepAsBest();
        CopyInto(model.state_dict(), best);
    }

    private void StartAverage()
    {
        average?.Dispose();
        average = options.WeightAverageDecay is { } decay ? new(model, decay) : null;
    }

    /// <summary>Hands the weights on to the next phase: the best, where they are kept.</summary>
    private void EndPhase(Span span)
    {
        if (options.EarlyStopping is not null)
        {
            CopyInto(model.state_dict(), best);
            StartAverage();
        }

        state.Step = span.End;
        state.Phase++;
        state.EpochsWithoutBetter = 0;
    }

    /// <summary>What a training ends with that was cancelled; a checkpoint holds what it has done.</summary>
    private OperationCanceledException Stopped(OperationCanceledException cause, CancellationToken cancellationToken)
    {
        var path = WriteCheckpoint();
        return new(
            $"The training was stopped after step {state.Step} of {Steps}. {(path is null ? "The model keeps what it has learned." : $"'{path}' holds it: Resume goes on.")}",
            cause,
            cancellationToken);
    }

    private string? WriteCheckpoint()
    {
        if (checkpoints is null)
            return null;
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (name, tensor) in model.state_dict())
            tensors[$"model.{name}"] = tensor;
        foreach (var (name, tensor) in best)
            tensors[$"best.{name}"] = tensor;
        foreach (var (name, tensor) in balancer.State())
            tensors[$"balancer.{name}"] = tensor;
        foreach (var (name, tensor) in average?.State() ?? new Dictionary<string, Tensor>())
            tensors[$"average.{name}"] = tensor;

        // Between two phases there is nothing of an optimizer to keep.
        if (optimizer is not null && state.Phase < phases.Count && state.Step > phases[state.Phase].First)
        {
            foreach (var ((name, _), saved) in optimized.Zip(optimizer.state_dict().State.Select(options.Optimizer.Save)))
            {
                foreach (var (key, tensor) in saved)
                    tensors[$"optimizer.{name}.{key}"] = tensor;
            }
        }

        return checkpoints.Write(state, tensors);
    }

    private void LoadOptimizer(Dictionary<string, Tensor> saved)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var ((name, parameter), its) in optimized.Zip(optimizer!.state_dict().State))
            options.Optimizer.Load(its, parameter, Part(saved, $"{name}."));
    }

    private static Dictionary<string, Tensor> Part(Dictionary<string, Tensor> tensors, string prefix) => tensors
        .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(pair => pair.Key[prefix.Length..], pair => pair.Value);

    private static void CopyInto(Dictionary<string, Tensor> targets, Dictionary<string, Tensor> values)
    {
        using var noGrad = no_grad();
        foreach (var (name, target) in targets)
            target.copy_(values[name]);
    }

    private double RateOf(Span span, long step) =>
        (span.Phase?.LearningRate ?? options.LearningRate) * options.Schedule.Factor(step - span.First, span.Steps);

    private SourcePlan PlanOf(long? batchesPerEpoch) => options.Sampling.Plan(sources, options.BatchSize, options.Seed, batchesPerEpoch);

    private TrainingProgress Describe(double rate, Dictionary<string, double> losses) => new(
        state.Step,
        Steps,
        (int)((state.Step - 1) / stepsPerEpoch) + 1,
        (int)(Steps / stepsPerEpoch),
        state.Phase + 1,
        phases.Count,
        rate,
        losses,
        batches!.Metrics(),
        EpochsSeen(),
        clock.Elapsed / Math.Max(1, state.Step - firstStep) * (Steps - state.Step))
    {
        MetricNames = batches.MetricNames(),
        Warnings = NewWarnings(),
    };

    /// <summary>The warnings that no report had yet.</summary>
    private List<string> NewWarnings()
    {
        var added = warnings[reportedWarnings..];
        reportedWarnings = warnings.Count;
        return added;
    }

    private Dictionary<string, double> EpochsSeen() =>
        sources.ToDictionary(source => source.Name, source => (double)state.Drawn.GetValueOrDefault(source.Name) / source.Count);

    private Dictionary<string, string> Fingerprint()
    {
        var fingerprint = new Dictionary<string, string>(options.Fingerprint())
        {
            [ModelName] = model.Description.ToJson(),
            ["sources"] = Shapes.Names(sources.Select(source => source.Name)),
            ["validation sources"] = Shapes.Names((validation ?? []).Select(source => source.Name)),
        };
        var parts = sources.SelectMany(source => SourceFingerprint.Of("source", source, source.BatchSize ?? options.BatchSize))
            .Concat((validation ?? []).SelectMany(source => SourceFingerprint.Of("validation source", source, batchSize: null)));
        foreach (var (name, value) in parts)
            fingerprint.Add(name, value);
        return fingerprint;
    }

    /// <summary>A phase's place in the plan.</summary>
    private sealed record Span(TrainingPhase? Phase, long First, long Steps)
    {
        public long End => First + Steps;
    }
}
