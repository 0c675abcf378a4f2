using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The tensors of a checkpoint: their names in the file, what they must match, and how a training restores them.</summary>
internal sealed class CheckpointContent(TrainingSetup training)
{
    private const string Model = "model.";
    private const string Best = "best.";
    private const string Balancer = "balancer.";
    private const string Average = "average.";
    private const string Optimizer = "optimizer.";

    private readonly LearnedTensors learned = training.Learned;

    /// <summary>Everything that a training needs to resume. New tensors belong to the dispose scope.</summary>
    /// <param name="optimizer">The optimizer; null if it has no state yet.</param>
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
    /// Compares a checkpoint with everything that this training expects. Of the model, only the freezing is changed; the balancing and the
    /// average, which belong to this run, have the checkpoint's values if it is valid.
    /// </summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    public string? FindMistake(TrainingState read, Dictionary<string, Tensor> tensors)
    {
        var plan = training.Plan;
        if (CheckpointChecks.OfState(read, plan, [.. training.Sources.Select(source => source.Name)], training.Tasks) is { } mistake)
            return mistake;
        string[] prefixes = [Model, Best, Balancer, Average, Optimizer];
        if (tensors.Keys.FirstOrDefault(name => !prefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))) is { } odd)
            return $"its tensor '{odd}' does not belong to the training.";
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
            return "it has averages of the weights, but the training keeps none.";
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

    /// <summary>Gives the model the weights of a checkpoint that <see cref="FindMistake"/> has accepted.</summary>
    /// <returns>The state of its optimizer, owned by the caller; empty if there is none.</returns>
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
