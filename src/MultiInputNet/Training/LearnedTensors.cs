using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// What a training learns, apart from the state of its optimizer, which belongs to a phase: the weights of the model, their average, the
/// best of them so far, and the state of the loss balancing.
/// </summary>
internal sealed class LearnedTensors(MultiInputModel model, LossBalancer balancer, double? averageDecay) : IDisposable
{
    private readonly Dictionary<string, Tensor> best = [];

    public LossBalancer Balancer => balancer;

    /// <summary>The average of the weights; null if there is none, or before it begins.</summary>
    public WeightAverage? Average { get; private set; }

    /// <summary>The best weights so far, by their names in the model's <c>state_dict</c>; empty before the first.</summary>
    public IReadOnlyDictionary<string, Tensor> Best => best;

    /// <summary>Starts the average with the current weights.</summary>
    public void StartAverage()
    {
        Average?.Dispose();
        Average = averageDecay is { } decay ? new(model, decay) : null;
    }

    /// <summary>Keeps a copy of the weights as the best.</summary>
    public void KeepAsBest()
    {
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in model.state_dict())
            KeepAsBest(name, tensor.detach().clone());
    }

    /// <summary>Keeps a tensor as one of the best weights, whatever dispose scope it is in.</summary>
    public void KeepAsBest(string name, Tensor tensor)
    {
        if (best.TryGetValue(name, out var old))
            old.Dispose();
        best[name] = tensor.DetachFromDisposeScope();
    }

    /// <summary>Restores the best weights into the model.</summary>
    public void TakeBest() => Take(best);

    /// <summary>Gives the model the average of its weights permanently.</summary>
    public void TakeAverage()
    {
        using (Average!.Apply())
            KeepAsBest();
        TakeBest();
    }

    /// <summary>Gives the model weights.</summary>
    public void Take(IReadOnlyDictionary<string, Tensor> weights)
    {
        using var noGrad = no_grad();
        foreach (var (name, target) in model.state_dict())
            target.copy_(weights[name]);
    }

    public void Dispose()
    {
        balancer.Dispose();
        Average?.Dispose();
        foreach (var tensor in best.Values)
            tensor.Dispose();
    }
}
