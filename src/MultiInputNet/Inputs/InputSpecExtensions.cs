using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>What can be set for inputs of every kind.</summary>
public static class InputSpecExtensions
{
    /// <summary>
    /// The same input with the mean and standard deviation of training samples, one of each per channel or feature. The model itself
    /// subtracts and divides by them, so that they are saved with it and raw values go in.
    /// </summary>
    /// <remarks>
    /// Use only the training part of the data. A channel or feature that never varies gets a deviation of 1.
    /// </remarks>
    /// <typeparam name="TInput">The kind of input.</typeparam>
    /// <param name="input">The input.</param>
    /// <param name="samples">Training samples, <c>(count, channels or features, ...)</c>, of any floating-point or integer type.</param>
    /// <returns>The input with <see cref="InputSpec.Mean"/> and <see cref="InputSpec.StandardDeviation"/> set.</returns>
    /// <exception cref="ArgumentException">There are no samples, or they do not have the input's shape.</exception>
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
    /// A channel that never varies is recognised by its minimum and maximum: its deviation is rounding, larger the further it is from zero.
    /// </summary>
    internal static TInput With<TInput>(TInput input, Tensor mean, Tensor deviation, Tensor least, Tensor most)
        where TInput : InputSpec
    {
        var changes = most.greater(least).logical_and(deviation.greater(1e-30));
        return input with { Mean = mean.Numbers<double>(), StandardDeviation = deviation.where(changes, ones_like(deviation)).Numbers<double>() };
    }
}
