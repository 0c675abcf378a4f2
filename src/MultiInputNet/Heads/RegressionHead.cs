using TorchSharp;
using MultiInputNet.Onnx;
using MultiInputNet.Weights;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Numbers: a linear layer, trained with the mean squared error.</summary>
/// <remarks>
/// <para>
/// Shapes: <c>(batch, features)</c> in, <c>(batch, outputs)</c> out. Labels are <c>(batch, outputs)</c>, floating-point numbers; NaN
/// means missing.
/// </para>
/// <para>
/// Given the mean and deviation of its training labels (<see cref="StandardizeTargets"/>, which a trainer calls), the linear layer works
/// in standardised values: <c>forward</c> returns <c>z · deviation + mean</c>, in the labels' units, and the loss is the mean of
/// <c>((output - label) / deviation)²</c>, about 1 for a head that has learned nothing. The unit of the labels therefore does not decide
/// how much the task counts. Until then values are not standardised.
/// </para>
/// <para>
/// Mean and deviation are <c>target_mean</c> and <c>target_deviation</c> in <c>state_dict</c>, in double precision and on the CPU,
/// wherever the head is moved or to whatever it is converted; a deviation of 0 means that there are none yet. Outputs have the narrowest
/// of the model's type, single and double precision that resolves a thousandth of the deviation at the mean: seconds since 1970 are
/// returned in double precision.
/// </para>
/// </remarks>
public sealed class RegressionHead : TaskHead, ILaterWeights, IOnnxModule
{
    private readonly Sequential layers;
    private readonly Tensor target_mean;
    private readonly Tensor target_deviation;

    /// <summary>Creates the head with torch's default initialisation, and without mean and deviation of the labels.</summary>
    /// <param name="features">The length of the feature vectors, at least 1.</param>
    /// <param name="outputs">The number of values per sample, at least 1.</param>
    /// <param name="options">A hidden layer and dropout; neither when null.</param>
    /// <exception cref="ArgumentException">A number is out of its range.</exception>
    public RegressionHead(int features, int outputs, HeadOptions? options = null)
        : base(nameof(RegressionHead), outputs)
    {
        layers = OutputLayers(features, outputs, options ?? new());
        target_mean = zeros(outputs, ScalarType.Float64, CPU);
        target_deviation = zeros(outputs, ScalarType.Float64, CPU);
        RegisterComponents();
    }

    IReadOnlyList<string> ILaterWeights.LaterWeights => [nameof(target_mean), nameof(target_deviation)];

    void ILaterWeights.StartWithoutLaterWeights() => TakeValuesAsTheyAre();

    /// <summary>The mean of the training labels of each output; zeros if not known yet.</summary>
    public IReadOnlyList<double> TargetMean => target_mean.Numbers<double>();

    /// <summary>The standard deviation of the training labels of each output; zeros if not known yet.</summary>
    public IReadOnlyList<double> TargetDeviation => target_deviation.Numbers<double>();

    /// <summary>Whether the head has the mean and deviation of its labels, or was told not to standardise them.</summary>
    public override bool HasTargetStatistics => TargetDeviation.Any(deviation => deviation != 0);

    /// <inheritdoc/>
    public override bool HasSquaredLoss => true;

    /// <inheritdoc/>
    public override bool MayGiveInfinity => false;

    /// <summary>
    /// Computes and stores the mean and deviation of training labels. This changes the head's outputs, so it belongs before the first step.
    /// A trainer calls it if the head is trained and has none yet.
    /// </summary>
    /// <param name="target">
    /// The labels of all training samples, <c>(count, outputs)</c>; missing ones do not count. An output whose labels are all the same
    /// number, or all missing, gets a deviation of 1.
    /// </param>
    /// <exception cref="MultiInputException">The labels have another shape or type, or are not finite.</exception>
    public override void StandardizeTargets(Tensor target)
    {
        CheckTarget(target);
        using var scope = NewDisposeScope();
        var labels = target.to(ScalarType.Float64).Numbers<double>();
        var (means, deviations) = (new double[Outputs], new double[Outputs]);
        var rows = Enumerable.Range(0, labels.Length / Outputs).ToArray();
        foreach (var output in Enumerable.Range(0, Outputs))
        {
            var values = rows.Select(row => labels[row * Outputs + output]).Where(value => !double.IsNaN(value)).ToArray();

            // The second pass removes what rounding left of the mean of numbers far from zero.
            var mean = values.DefaultIfEmpty().Average();
            mean += values.Select(value => value - mean).DefaultIfEmpty().Average();
            var deviation = Math.Sqrt(values.Select(value => (value - mean) * (value - mean)).DefaultIfEmpty().Average());
            if (!double.IsFinite(deviation))
                throw WrongTarget($"those of output {output} are infinite, or too large to be squared.", "Give finite labels, and NaN for missing ones.");
            (means[output], deviations[output]) = (mean, deviation > Math.Max(4e-16 * Math.Abs(mean), 1e-300) ? deviation : 1);
        }

        SetTargetStatistics(means, deviations);
    }

    /// <summary>Sets the mean and deviation of the labels. Means of 0 and deviations of 1 leave values unchanged.</summary>
    /// <param name="mean">The mean of each output's labels, finite.</param>
    /// <param name="deviation">The standard deviation of each output's labels, finite and above 0.</param>
    /// <exception cref="ArgumentException">There is not one of each per output, or one is out of range.</exception>
    public void SetTargetStatistics(IReadOnlyList<double> mean, IReadOnlyList<double> deviation)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(deviation);
        if (RegressionSpec.FindMistake(mean, deviation, Outputs) is var (problem, cure))
            throw new ArgumentException($"Head: {problem} {cure}");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        target_mean.copy_(tensor(mean.ToArray()));
        target_deviation.copy_(tensor(deviation.ToArray()));
    }

    /// <summary>Marks the labels as not standardised for good, which is how older heads were trained.</summary>
    internal void TakeValuesAsTheyAre() => SetTargetStatistics(new double[Outputs], [.. Enumerable.Repeat(1.0, Outputs)]);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var output = layers.call(input);
        return (TakesValuesAsTheyAre ? output : (output.to(ScalarType.Float64) * On(target_deviation, output) + On(target_mean, output)).to(TypeOfOutput(output.dtype)))
            .MoveToOuterDisposeScope();
    }

    OnnxValue IOnnxModule.Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        var output = graph.Run(layers, inputs);
        if (TakesValuesAsTheyAre)
            return output;
        var scaled = graph.Elementwise("Mul", graph.Cast(output, ScalarType.Float64), graph.Constant(target_deviation));
        return graph.Cast(graph.Elementwise("Add", scaled, graph.Constant(target_mean)), TypeOfOutput(ScalarType.Float32));
    }

    /// <summary>
    /// The mean squared error over the labels present, of standardised values if the head has the mean and deviation of its labels; 0, with
    /// a gradient of 0, if there are no labels. If standardised, it is computed in double precision and returned in single.
    /// </summary>
    /// <param name="output">Values, <c>(batch, outputs)</c>, in the labels' units.</param>
    /// <param name="target">The labels, <c>(batch, outputs)</c>, floating point; NaN if missing.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="MultiInputException">The labels have another shape or type.</exception>
    public override Tensor Loss(Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(output);
        CheckTarget(target);
        using var scope = NewDisposeScope();
        var present = Present(target);
        if (TakesValuesAsTheyAre)
        {
            var errors = output - target.to(output.dtype).where(present, output.detach());
            return (errors.square().sum() / present.sum().clamp_min(1)).MoveToOuterDisposeScope();
        }

        var values = output.to(ScalarType.Float64);
        var standardised = (values - target.to(ScalarType.Float64).where(present, values.detach())) / On(target_deviation, output);
        return (standardised.square().sum() / present.sum().clamp_min(1)).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>The values themselves, in the labels' units.</summary>
    /// <param name="output">Values, <c>(batch, outputs)</c>.</param>
    /// <returns>The same values, without a gradient.</returns>
    public override Tensor Predict(Tensor output)
    {
        ArgumentNullException.ThrowIfNull(output);
        return output.detach();
    }

    /// <inheritdoc/>
    public override TaskMetrics CreateMetrics() => new RegressionMetrics(Outputs);

    /// <inheritdoc/>
    public override void CheckTarget(Tensor target)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.dim() != 2 || target.shape[1] != Outputs || !target.is_floating_point())
        {
            throw WrongTarget(
                $"they are {target.dtype} of shape {Shapes.Text(target.shape)}.",
                $"Labels of this head are floating-point numbers of shape (batch, {Outputs}), NaN if missing.");
        }
    }

    /// <summary>Moves and converts the layers; mean and deviation are left alone, since no narrower type can hold them.</summary>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        if (dtype is null)
            layers.to(device!, non_blocking);
        else if (device is null)
            layers.to(dtype.Value, non_blocking);
        else
            layers.to(device, dtype.Value, non_blocking);
        if (device is not null)
            (_deviceType, _deviceIndex) = (device.type, device.index);
    }

    private bool TakesValuesAsTheyAre => !HasTargetStatistics || (TargetMean.All(mean => mean == 0) && TargetDeviation.All(deviation => deviation == 1));

    private static Tensor On(Tensor statistic, Tensor output) => statistic.to(output.device);

    private ScalarType TypeOfOutput(ScalarType model) =>
        new[] { model, ScalarType.Float32 }.Where(type => TargetMean.Zip(TargetDeviation).All(its => Holds(type, its.First, its.Second))).FirstOrDefault(ScalarType.Float64);

    private static bool Holds(ScalarType type, double mean, double deviation)
    {
        var (spacing, smallest, largest) = type switch
        {
            ScalarType.Float16 => (Math.ScaleB(1, -10), Math.ScaleB(1, -14), 65504.0),
            ScalarType.BFloat16 => (Math.ScaleB(1, -7), Math.ScaleB(1, -126), Math.ScaleB(1, 127)),
            ScalarType.Float32 => (Math.ScaleB(1, -23), Math.ScaleB(1, -126), Math.ScaleB(1, 127)),
            _ => (0, 0, double.MaxValue),
        };
        return Math.Max(spacing * Math.Abs(mean), smallest) <= deviation / 1000 && Math.Abs(mean) + 100 * deviation <= largest;
    }
}
