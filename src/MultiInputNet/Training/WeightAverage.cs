using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// The exponential moving average of a module's weights (Polyak and Juditsky, 1992): often better than the weights of any single step,
/// which fluctuate. In each update, <c>average = d · average + (1 - d) · weight</c> with <c>d = min(decay, (1 + n) / (10 + n))</c> after
/// <c>n</c> updates, so that the first, random weights are soon forgotten.
/// </summary>
/// <remarks>
/// It holds a copy of all trained parameters and of all floating-point buffers, such as the statistics of normalisations. A parameter that
/// is unfrozen later is averaged from then on. 16-bit weights have 32-bit averages. Memory: one more set of the trained weights, and
/// another while the average replaces the module's weights.
/// </remarks>
internal sealed class WeightAverage : IDisposable
{
    private const string UpdatesKey = "updates";
    private const string Prefix = "averages.";

    private readonly nn.Module module;
    private readonly Dictionary<string, Tensor> averages = [];
    private readonly Dictionary<string, Tensor> kept = [];
    private bool applied;

    /// <summary>Starts with the current weights.</summary>
    /// <param name="module">The module. It remains the caller's, on its device.</param>
    /// <param name="decay">
    /// The fraction of the average that is kept in an update, from 0 to below 1; it forgets over about 1 / (1 - decay) updates.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The decay is out of its range.</exception>
    public WeightAverage(nn.Module module, double decay = 0.999)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (decay is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(decay), decay, $"{nameof(decay)} is {decay}; give a number from 0 to below 1.");
        this.module = module;
        Decay = decay;
        foreach (var (name, weight) in Weights())
            averages.Add(name, Copy(weight));
    }

    /// <summary>The fraction of the average that is kept in an update, apart from the first ones.</summary>
    public double Decay { get; }

    /// <summary>The number of updates.</summary>
    public long Updates { get; private set; }

    /// <summary>Updates the average with the current weights.</summary>
    /// <exception cref="InvalidOperationException">The average is in the module's place: see <see cref="Apply"/>.</exception>
    public void Update()
    {
        CheckNotApplied();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var decay = Math.Min(Decay, (1.0 + Updates) / (10 + Updates));
        foreach (var (name, weight) in Weights())
        {
            if (!averages.TryGetValue(name, out var average))
            {
                averages.Add(name, Copy(weight));
                continue;
            }

            // In this form, a weight that does not change is its own average, bit for bit.
            using var difference = weight - average;
            average.add_(difference, alpha: 1 - decay);
        }

        Updates++;
    }

    /// <summary>
    /// Replaces the module's weights by the average until the result is disposed; then the weights are restored, bit for bit.
    /// </summary>
    /// <returns>The object that restores the weights.</returns>
    /// <exception cref="InvalidOperationException">It is in the module's place already.</exception>
    public IDisposable Apply()
    {
        CheckNotApplied();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        applied = true;
        foreach (var (name, weight) in Weights().Where(pair => averages.ContainsKey(pair.Name)))
        {
            kept.Add(name, weight.clone().DetachFromDisposeScope());
            weight.copy_(averages[name]);
        }

        return new AtEnd(Restore);
    }

    /// <summary>The average and the number of updates, from which a training can resume exactly.</summary>
    /// <returns>New tensors by name, owned by the caller.</returns>
    /// <exception cref="InvalidOperationException">The average is in the module's place: see <see cref="Apply"/>.</exception>
    public IReadOnlyDictionary<string, Tensor> State()
    {
        CheckNotApplied();
        var state = averages.ToDictionary(pair => Prefix + pair.Key, pair => Copy(pair.Value));
        state.Add(UpdatesKey, tensor(Updates).DetachFromDisposeScope());
        return state;
    }

    /// <summary>
    /// Restores what <see cref="State"/> returned, whatever is frozen now: a parameter without an average in it is averaged from the next
    /// update that finds it trained.
    /// </summary>
    /// <param name="state">The tensors by name. They remain the caller's.</param>
    /// <exception cref="InvalidOperationException">The average is in the module's place: see <see cref="Apply"/>.</exception>
    /// <exception cref="MultiInputException">They are not those of this module.</exception>
    public void Load(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        CheckNotApplied();
        var known = module.named_parameters().Select(pair => (pair.name, Weight: (Tensor)pair.parameter))
            .Concat(module.named_buffers().Select(pair => (pair.name, Weight: pair.buffer)))
            .Where(pair => pair.Weight.is_floating_point())
            .ToDictionary(pair => Prefix + pair.name, pair => pair.Weight);
        if (!state.TryGetValue(UpdatesKey, out var updates) || updates.numel() != 1 || updates.dtype != ScalarType.Int64)
            throw WrongState($"it lacks the number '{UpdatesKey}'.");
        if (updates.item<long>() is < 0 and var count)
            throw WrongState($"it is of {count} updates.");
        foreach (var (name, average) in state.Where(pair => pair.Key != UpdatesKey))
        {
            if (!known.TryGetValue(name, out var weight))
                throw WrongState($"'{name}' does not belong to the module.");
            if (weight.dtype.AtLeastSingle() != average.dtype || !weight.shape.SequenceEqual(average.shape))
                throw WrongState($"'{name}' is {average.dtype} of shape {Shapes.Text(average.shape)} instead of {weight.dtype.AtLeastSingle()} of {Shapes.Text(weight.shape)}.");
        }

        // Which parameters have an average follows from what was trained before the state was taken, not from what is frozen now.
        if (module.named_buffers().FirstOrDefault(pair => pair.buffer.is_floating_point() && !state.ContainsKey(Prefix + pair.name)).name is { } missing)
            throw WrongState($"the average of '{missing}' is missing.");

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var own in averages.Values)
            own.Dispose();
        averages.Clear();
        foreach (var (name, average) in state.Where(pair => pair.Key != UpdatesKey))
        {
            var own = Copy(known[name]);
            own.copy_(average);
            averages.Add(name[Prefix.Length..], own);
        }

        Updates = updates.item<long>();
    }

    /// <summary>Frees the copies. If the average is in place of the module's weights, they are restored first.</summary>
    public void Dispose()
    {
        Restore();
        foreach (var average in averages.Values)
            average.Dispose();
        averages.Clear();
    }

    private static Tensor Copy(Tensor weight)
    {
        using var noGrad = no_grad();
        return weight.to(weight.dtype.AtLeastSingle(), copy: true).DetachFromDisposeScope();
    }

    private static MultiInputException WrongState(string problem) => new(
        "state of the weight average", ModelComponent.Training, problem, "Give the state of an average of the same module.");

    /// <summary>
    /// The trained parameters and the floating-point buffers, and whatever is already averaged although it has been frozen since.
    /// </summary>
    private IEnumerable<(string Name, Tensor Weight)> Weights()
    {
        foreach (var (name, parameter) in module.named_parameters())
        {
            if (parameter.is_floating_point() && (parameter.requires_grad || averages.ContainsKey(name)))
                yield return (name, parameter);
        }

        foreach (var (name, buffer) in module.named_buffers())
        {
            if (buffer.is_floating_point())
                yield return (name, buffer);
        }
    }

    private void Restore()
    {
        if (!applied)
            return;
        applied = false;
        using var noGrad = no_grad();
        foreach (var (name, weight) in Weights().Where(pair => kept.ContainsKey(pair.Name)))
            weight.copy_(kept[name]);
        foreach (var weight in kept.Values)
            weight.Dispose();
        kept.Clear();
    }

    private void CheckNotApplied()
    {
        if (applied)
            throw new InvalidOperationException("The average is in the module's place; dispose what Apply returned first.");
    }
}
