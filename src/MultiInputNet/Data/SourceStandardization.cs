using MultiInputNet.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Computes the statistics of inputs from a source of samples.</summary>
public static class SourceStandardization
{
    // A mean of means rounds differently with another number.
    private const int MostSamples = 64;

    /// <summary>
    /// The same input with the mean and standard deviation of the samples of a source, read once, batch by batch: for data that does not
    /// fit into memory.
    /// </summary>
    /// <remarks>
    /// As for <see cref="InputSpecExtensions.StandardizedBy{TInput}(TInput, Tensor)"/>; samples that the source skips do not count.
    /// </remarks>
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
        {
            throw new ArgumentException(
                $"Source '{source.Name}' has the inputs {Shapes.Names(source.InputNames)}: name one of them.", nameof(name));
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var runner = new BatchRunner(source);
        var (count, mean, squares) = (0L, zeros(input.Shape[0], ScalarType.Float64), zeros(input.Shape[0], ScalarType.Float64));
        var least = full(input.Shape[0], double.PositiveInfinity, ScalarType.Float64);
        var most = full(input.Shape[0], double.NegativeInfinity, ScalarType.Float64);
        var sampleBytes = input.Shape.Aggregate((long)ScalarType.Float32.ElementSize(), (product, size) => product * size);
        foreach (var batch in runner.Pass(Limits.BatchSize(sampleBytes, MostSamples)))
        {
            var samples = batch.Inputs[name];
            if (!samples.shape[1..].SequenceEqual(input.Shape))
            {
                throw new ArgumentException(
                    $"The samples have shape {Shapes.Text(samples.shape)}; (count, {string.Join(", ", input.Shape)}) is needed.", nameof(source));
            }

            // Combines two sets of values (Chan, Golub and LeVeque, 1979): avoids a sum of squares that would drown the differences.
            var values = samples.to(ScalarType.Float64).cpu().transpose(0, 1).flatten(1);
            var added = values.shape[1];
            var difference = values.mean([1]) - mean;
            var between = difference.square() * ((double)count * added / (count + added));
            squares = (squares + values.var(1, unbiased: false) * added + between).MoveToOuterDisposeScope();
            mean = (mean + difference * ((double)added / (count + added))).MoveToOuterDisposeScope();
            least = least.minimum(values.amin([1])).MoveToOuterDisposeScope();
            most = most.maximum(values.amax([1])).MoveToOuterDisposeScope();
            count += added;
        }

        if (count == 0)
        {
            throw new MultiInputException(
                $"source '{source.Name}'",
                ModelComponent.Input,
                $"none of its {source.Count:N0} samples can be read.{source.WhyBroken}",
                "Repair them, or remove the source.");
        }

        return InputSpecExtensions.With(input, mean, (squares / count).sqrt(), least, most);
    }
}
