using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// The optimizer of a phase: a group of parameters for each rate, with and without weight decay, and one for what the loss balancing
/// learns.
/// </summary>
internal sealed class PhaseOptimizer : IDisposable
{
    private readonly OptimizerSpec spec;
    private readonly OptimizerHelper optimizer;
    private readonly (string Name, Parameter Parameter)[] optimized;
    private readonly double[] rates;

    public PhaseOptimizer(OptimizerSpec spec, double weightDecay, PhaseParameters parameters, LossBalancer balancer)
    {
        this.spec = spec;
        var groups = parameters.Trained.GroupBy(trained => (trained.Rate, trained.Decays)).ToArray();
        rates = [.. groups.Select(group => group.Key.Rate), 1];
        Trained = [.. groups.SelectMany(group => group.Select(trained => trained.Parameter))];
        optimized = Optimized(groups.SelectMany(group => group), balancer);
        optimizer = spec.Create(
        [
            .. groups.Select(group => ((IReadOnlyList<Parameter>)[.. group.Select(trained => trained.Parameter)], group.Key.Decays ? weightDecay : 0)),
            (balancer.Parameters, 0),
        ]);
    }

    /// <summary>The parameters of the model, group by group.</summary>
    public IReadOnlyList<Parameter> Trained { get; }

    /// <summary>The state that an optimizer of these parameters has, by its names in checkpoints.</summary>
    public static Dictionary<string, (ScalarType Type, long[] Shape, bool IsDue)> Describe(
        OptimizerSpec spec, PhaseParameters parameters, LossBalancer balancer) =>
        Optimized(parameters.Trained, balancer).SelectMany(pair => spec.Describe(pair.Parameter), (pair, place) => (pair.Name, Place: place))
            .ToDictionary(its => $"{its.Name}.{its.Place.Name}", its => (its.Place.Type, its.Place.Shape, its.Place.IsDue));

    /// <summary>Updates the parameters by their gradients.</summary>
    /// <param name="rate">The learning rate, which each group has its share of.</param>
    public void Step(double rate)
    {
        foreach (var (group, share) in optimizer.ParamGroups.Zip(rates))
            group.LearningRate = rate * share;
        optimizer.step();
    }

    /// <summary>The state, by its names in checkpoints.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Save() => optimized.Zip(optimizer.state_dict().State.Select(spec.Save))
        .SelectMany(pair => pair.Second, (pair, saved) => new KeyValuePair<string, Tensor>($"{pair.First.Name}.{saved.Key}", saved.Value));

    /// <summary>Restores a state that matches <see cref="Describe"/>. The tensors remain the caller's.</summary>
    public void Load(IReadOnlyDictionary<string, Tensor> saved)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var ((name, parameter), its) in optimized.Zip(optimizer.state_dict().State))
            spec.Load(its, parameter, saved.Part($"{name}."));
    }

    public void Dispose() => optimizer.Dispose();

    private static (string Name, Parameter Parameter)[] Optimized(
        IEnumerable<(string Name, Parameter Parameter, double Rate, bool Decays)> trained, LossBalancer balancer) =>
    [
        .. trained.Select(its => (its.Name, its.Parameter)),
        .. balancer.Parameters.Index().Select(pair => ($"balancer{pair.Index}", pair.Item)),
    ];
}
