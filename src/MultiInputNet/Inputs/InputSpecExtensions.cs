using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>What the inputs of every kind can be given.</summary>
public static class InputSpecExtensions
{
    /// <summary>
    /// The same input with the mean and standard deviation of training samples, one of each per channel or feature; the
    /// model subtracts and divides by them itself, so that they travel with it and raw values go in.
    /// </summary>
    /// <remarks>
    /// Give the training part of the data only. A channel or feature that never changes gets a deviation of 1.
    /// </remarks>
    /// <typeparam name="TInput">The kind of input.</typeparam>
    /// <param name="input">The input.</param>
    /// <param name="samples">Training samples, <c>(count, channels or features, ...)</c>, of any floating or integer type.</param>
    /// <returns>The input with <see cref="InputSpec.Mean"/> and <see cref="InputSpec.StandardDeviation"/> set.</returns>
    /// <exception cref="ArgumentException">The samples are none, or do not have the input's shape.</exception>
    public static TInput StandardizedBy<TInput>(this TInput input, Tensor samples)
        where TInput : InputSpec
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.shape.Length == 0 || samples.shape[0] == 0 || !samples.shape[1..].SequenceEqual(input.Shape))
        {
            throw new ArgumentException(
                $"The samples have shape {Shapes.Text(samples.shape)}; (count, {string.Join(", ", input.Shape)}) with at least one sample is needed.",
                nameof(samples));
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var dims = Enumerable.Range(0, samples.shape.Length).Where(d => d != 1).Select(d => (long)d).ToArray();
        var values = samples.to(ScalarType.Float64);
        var mean = values.mean(dims);
        return With(input, mean, values.std(dims, unbiased: false), values.amin(dims), values.amax(dims));
    }

    /// <summary>
    /// The same input with the mean and standard deviation of the samples of a source, read once and batch by batch: for data
    /// that memory does not hold.
    /// </summary>
    /// <remarks>As for <see cref="StandardizedBy{TInput}(TInput, Tensor)"/>; samples that the source leaves out do not count.</remarks>
    /// <typeparam name="TInput">The kind of input.</typeparam>
    /// <param name="input">The input.</param>
    /// <param name="source">The training samples.</param>
    /// <param name="name">The input's name in the source; its only one when null.</param>
    /// <returns>The input with <see cref="InputSpec.Mean"/> and <see cref="InputSpec.StandardDeviation"/> set.</returns>
    /// <exception cref="ArgumentException">The source has no such input, or its samples do not have the input's shape.</exception>
    /// <exception cref="MultiInputException">A sample cannot be read, or none can.</exception>
    public static TInput StandardizedBy<TInput>(this TInput input, DataSource source, string? name = null)
        where TInput : InputSpec
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(source);
        name ??= source.InputNames.Count == 1 ? source.InputNames[0] : "";
        if (!source.InputNames.Contains(name))
            throw new ArgumentException($"Source '{source.Name}' has the inputs {Shapes.Names(source.InputNames)}: name one of them.", nameof(name));

        const int BatchSize = 64;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var reader = new BatchReader(
            source, step => [.. Enumerable.Range(0, (int)Math.Min(BatchSize, source.Count - step * BatchSize)).Select(i => step * BatchSize + i)], 0, (source.Count + BatchSize - 1) / BatchSize);
        var (count, mean, squares) = (0L, zeros(input.Shape[0], ScalarType.Float64), zeros(input.Shape[0], ScalarType.Float64));
        var (least, most) = (full(input.Shape[0], double.PositiveInfinity, ScalarType.Float64), full(input.Shape[0], double.NegativeInfinity, ScalarType.Float64));
        for (var start = 0L; start < source.Count; start += BatchSize)
        {
            using var batchScope = NewDisposeScope();
            var samples = reader.Next().Inputs[name];
            if (!samples.shape[1..].SequenceEqual(input.Shape))
                throw new ArgumentException($"The samples have shape {Shapes.Text(samples.shape)}; (count, {string.Join(", ", input.Shape)}) is needed.", nameof(source));
            if (samples.shape[0] == 0)
                continue;

            // Two sets of values joined (Chan, Golub and LeVeque, 1979): no sum of squares that drowns the differences.
            var values = samples.to(ScalarType.Float64).cpu().transpose(0, 1).flatten(1);
            var added = values.shape[1];
            var difference = values.mean([1]) - mean;
            squares = (squares + values.var(1, unbiased: false) * added + difference.square() * ((double)count * added / (count + added))).MoveToOuterDisposeScope();
            mean = (mean + difference * ((double)added / (count + added))).MoveToOuterDisposeScope();
            least = least.minimum(values.amin([1])).MoveToOuterDisposeScope();
            most = most.maximum(values.amax([1])).MoveToOuterDisposeScope();
            count += added;
        }

        if (count == 0)
            throw new MultiInputException($"source '{source.Name}'", ModelComponent.Input, $"none of its {source.Count:N0} samples can be read.{source.WhyBroken}", "Mend them, or leave the source out.");
        return With(input, mean, (squares / count).sqrt(), least, most);
    }

    /// <summary>A channel that never changes is known by its least and greatest value: its deviation is rounding, larger the further it is from zero.</summary>
    private static TInput With<TInput>(TInput input, Tensor mean, Tensor deviation, Tensor least, Tensor most)
        where TInput : InputSpec
    {
        var changes = most.greater(least).logical_and(deviation.greater(1e-30));
        return input with { Mean = Numbers(mean), StandardDeviation = Numbers(deviation.where(changes, ones_like(deviation))) };
    }

    private static double[] Numbers(Tensor values) => values.cpu().data<double>().ToArray();
}
