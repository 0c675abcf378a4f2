using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// One sample of one input in raw form, for a prediction: numbers, a row of texts, or, with the package MultiInputNet.Images, an image file.
/// The input turns it into a batch.
/// </summary>
public abstract class InputValue
{
    /// <summary>The batch of one sample that a model takes.</summary>
    /// <param name="input">The name of the input, for messages.</param>
    /// <param name="spec">The input.</param>
    /// <returns>The batch, <c>(1, ...)</c> with <see cref="InputSpec.Shape"/> after the 1; a new tensor that the caller owns.</returns>
    /// <exception cref="MultiInputException">The value does not fit the input.</exception>
    public abstract Tensor Encode(string input, InputSpec spec);

    /// <summary>A sample as a tensor, with or without a batch dimension of 1.</summary>
    /// <param name="sample">The sample. It stays the caller's, who disposes of it after the prediction.</param>
    public static implicit operator InputValue(Tensor sample) => FromTensor(sample);

    /// <summary>A row of a table: the text of each column by its name, null for a missing one.</summary>
    /// <param name="row">The row.</param>
    public static implicit operator InputValue(Dictionary<string, string?> row) => Row(row);

    /// <summary>The numbers of a sample, the last dimension first: row by row, channel by channel.</summary>
    /// <param name="numbers">The numbers.</param>
    public static implicit operator InputValue(float[] numbers) => FromNumbers([.. (numbers ?? throw new ArgumentNullException(nameof(numbers))).Select(number => (double)number)]);

    /// <summary>The numbers of a sample, as for single precision.</summary>
    /// <param name="numbers">The numbers.</param>
    public static implicit operator InputValue(double[] numbers) => FromNumbers(numbers);

    /// <summary>The tokens of a sample.</summary>
    /// <param name="tokens">Their numbers.</param>
    public static implicit operator InputValue(long[] tokens) => FromNumbers([.. (tokens ?? throw new ArgumentNullException(nameof(tokens))).Select(token => (double)token)]);

    /// <summary>A sample as a tensor, with or without a batch dimension of 1.</summary>
    /// <param name="sample">The sample. It stays the caller's, who disposes of it after the prediction.</param>
    /// <returns>The value.</returns>
    public static InputValue FromTensor(Tensor sample) => new TensorValue(sample ?? throw new ArgumentNullException(nameof(sample)));

    /// <summary>The numbers of a sample: row by row, channel by channel, as <see cref="InputSpec.Shape"/> says.</summary>
    /// <param name="numbers">As many as a sample has; whole ones for tokens.</param>
    /// <returns>The value.</returns>
    public static InputValue FromNumbers(IReadOnlyList<double> numbers) => new NumbersValue(numbers ?? throw new ArgumentNullException(nameof(numbers)));

    /// <summary>A row of a table whose columns have names.</summary>
    /// <param name="row">The text of each column by its name; null if it is missing. Columns that the input does not have are ignored.</param>
    /// <returns>The value.</returns>
    public static InputValue Row(IReadOnlyDictionary<string, string?> row) => new RowValue(row ?? throw new ArgumentNullException(nameof(row)));

    private static MultiInputException Misfit(string input, string problem, string cure) => new($"input '{input}'", ModelComponent.Input, problem, cure);

    private sealed class TensorValue(Tensor sample) : InputValue
    {
        public override Tensor Encode(string input, InputSpec spec)
        {
            if (sample.IsInvalid)
                throw Misfit(input, "its sample was disposed of.", "Give a tensor that exists.");
            var shape = sample.shape;
            return shape.AsSpan().SequenceEqual([.. spec.Shape]) ? sample.unsqueeze(0)
                : shape.AsSpan().SequenceEqual([1, .. spec.Shape]) ? sample.alias()
                : throw Misfit(
                    input,
                    $"the sample has shape {Shapes.Text(shape)} but the input is declared as {Shapes.Text(spec.Shape)}.",
                    shape.AsSpan(Math.Min(1, shape.Length)).SequenceEqual([.. spec.Shape]) ? "Give one sample, or call PredictMany for a batch." : "Give that shape.");
        }
    }

    private sealed class NumbersValue(IReadOnlyList<double> numbers) : InputValue
    {
        public override Tensor Encode(string input, InputSpec spec)
        {
            var count = spec.Shape.Aggregate(1L, (product, size) => product * size);
            if (numbers.Count != count)
                throw Misfit(input, $"the sample has {numbers.Count:N0} numbers, but {Shapes.Text(spec.Shape)} are {count:N0}.", "Give as many, row by row.");
            using var scope = NewDisposeScope();
            var batch = tensor(numbers.ToArray(), [1, .. spec.Shape]);
            if (spec.BatchType is not { } type)
                return batch.MoveToOuterDisposeScope();
            var converted = batch.to(type);
            return converted.eq(batch).all().ToBoolean()
                ? converted.MoveToOuterDisposeScope()
                : throw Misfit(input, "a number of the sample is not a whole one.", "Give the numbers of tokens.");
        }
    }

    private sealed class RowValue(IReadOnlyDictionary<string, string?> row) : InputValue
    {
        public override Tensor Encode(string input, InputSpec spec) => spec.EncodeRow($"input '{input}'", row);
    }
}
