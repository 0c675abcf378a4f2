using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The tensors of a checkpoint: the names that they are written under, what they are compared with, and how a training takes them over.</summary>
internal sealed class CheckpointContent(TrainingSetup training)
{
    private const string Model = "model.";
    private const string Best = "best.";
    private const string Balancer = "balancer.";
    private const string Average = "average.";
    private const string Optimizer = "optimizer.";

    private readonly LearnedTensors learned = training.Learned;

    /// <summary>All that a training needs to go on. New tensors belong to the dispose scope.</summary>
    /// <param name="optimizer">The optimizer; null where it has no state yet.</param>
    public Dictionary<string, Tensor> Gather(PhaseOptimizer? optimizer)
    {
        var tensors = new Dictionary<string, Tensor>();
        tensors.AddPart(Model, training.Model.state_dict());
        tensors.AddPart(Best, learned.Best);
        tensors.AddPart(Balancer, learned.Balancer.State());
        tensors.AddPart(Average, learned.Average?.State() ?? new Dictionary<string, Tensor>());
        tensors.AddPart(Optimizer, optimizer?.Save() ?? []);
        return tensors;
    }

    /// <summary>
    /// Compares a checkpoint with all that this training has a place for. Of the model, its freezing alone is changed; the balancing and
    /// the average, which are this run's own, have the checkpoint's values where it is right.
    /// </summary>
    /// <returns>What is wrong; null where nothing is.</returns>
    public string? FindMistake(TrainingState read, Dictionary<string, Tensor> tensors)
    {
        var plan = training.Plan;
        if (CheckpointChecks.OfState(read, plan, [.. training.Sources.Select(source => source.Name)], training.Tasks) is { } mistake)
            return mistake;
        string[] prefixes = [Model, Best, Balancer, Average, Optimizer];
        if (tensors.Keys.FirstOrDefault(name => !prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))) is { } odd)
            return $"its tensor '{odd}' has no place in the training.";
        var weights = training.Model.state_dict().ToDictionary(pair => pair.Key, pair => (pair.Value.dtype, pair.Value.shape, true));
        var kept = tensors.Part(Best);
        if (CheckpointChecks.OfTensors(tensors.Part(Model), weights, Model) is { } wrongWeights)
            return wrongWeights;
        if (kept.Count > 0 && CheckpointChecks.OfTensors(kept, weights, Best) is { } wrongBest)
            return wrongBest;
        if (read.BestEpoch is not null && kept.Count == 0)
            return "the weights of its best epoch are missing.";
        if (FindOptimizerMistake(read, tensors.Part(Optimizer)) is { } wrongOptimizer)
            return wrongOptimizer;
        var averages = tensors.Part(Average);
        if (learned.Average is null && averages.Count > 0)
            return "it has averages of the weights, and the training keeps none.";
        try
        {
            learned.Average?.Load(averages);
            learned.Balancer.Load(tensors.Part(Balancer));
            return null;
        }
        catch (MultiInputException e)
        {
            return $"its {e.Subject} is damaged: {e.Problem}";
        }
    }

    /// <summary>Gives the model the weights of a checkpoint in which <see cref="FindMistake"/> found none.</summary>
    /// <returns>The state of its optimizer, which is the caller's to dispose; empty where it has none.</returns>
    public Dictionary<string, Tensor> TakeOver(Dictionary<string, Tensor> tensors)
    {
        learned.Take(tensors.Part(Model));
        foreach (var (name, tensor) in tensors.Part(Best))
            learned.KeepAsBest(name, tensor);
        foreach (var prefix in new[] { Model, Balancer, Average })
        {
            foreach (var tensor in tensors.Part(prefix).Values)
                tensor.Dispose();
        }

        return tensors.Part(Optimizer);
    }

    private string? FindOptimizerMistake(TrainingState read, Dictionary<string, Tensor> saved)
    {
        var known = new Dictionary<string, (ScalarType Type, long[] Shape, bool IsDue)>();
        if (training.Plan.IsWithin(read))
        {
            var parameters = PhaseParameters.Freeze(training.Model, training.Plan.Phases[read.Phase].Phase);
            known = PhaseOptimizer.Describe(training.Options.Optimizer, parameters, learned.Balancer);
        }

        if (CheckpointChecks.OfTensors(saved, known, Optimizer) is { } mistake)
            return mistake;
        var counts = saved.Where(pair => pair.Key.EndsWith(".step", StringComparison.Ordinal) && pair.Value.dtype == ScalarType.Int64 && pair.Value.dim() == 0);
        return counts.Any(pair => pair.Value.item<long>() is var count && (count < 0 || count > read.Step))
            ? "its optimizer has done more steps than the training."
            : null;
    }
}
