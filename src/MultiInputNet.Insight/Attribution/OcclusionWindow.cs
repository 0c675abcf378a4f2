namespace MultiInputNet.Insights;

/// <summary>A part of a sample that is hidden, and the steps in which it moves over the sample.</summary>
/// <param name="Size">
/// Its size along each dimension of a sample: channels, rows and columns of an image, features and steps of a sequence, tokens, or columns
/// of a table.
/// </param>
/// <param name="Stride">The steps along each dimension; by default half of the size, rounded up. At most the size.</param>
public sealed record OcclusionWindow(IReadOnlyList<long> Size, IReadOnlyList<long>? Stride = null)
{
    /// <summary>Its size along each dimension of a sample.</summary>
    public IReadOnlyList<long> Size { get; init => field = value ?? throw new ArgumentNullException(nameof(Size)); } = Size ?? throw new ArgumentNullException(nameof(Size));

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());

    /// <summary>
    /// The default for samples of a shape: all channels of an image over an eighth of its height and width, all features over a sixteenth
    /// of the steps of a sequence, one token or column.
    /// </summary>
    internal static OcclusionWindow For(IReadOnlyList<long> shape) => new(shape switch
    {
        [var channels, var height, var width] => [channels, (height + 7) / 8, (width + 7) / 8],
        [var features, var steps] => [features, (steps + 15) / 16],
        _ => [.. shape.Select(_ => 1L)],
    });

    /// <summary>The first element and the length along each dimension, of each place of the window. Together they cover a sample.</summary>
    internal IEnumerable<(long Start, long Length)[]> Places(IReadOnlyList<long> shape)
    {
        IEnumerable<(long, long)[]> places = [[]];
        foreach (var (size, length, stride) in Size.Zip(shape, Stride ?? [.. Size.Select(size => (size + 1) / 2)]))
        {
            (long Start, long Length)[] along =
            [
                .. Starts(size, length, stride).Select(start => (start, Math.Min(size, length - start))),
            ];
            places = [.. places.SelectMany(place => along.Select(next => ((long, long)[])[.. place, next]))];
        }

        return places;
    }

    /// <summary>Checks it against the samples of an input.</summary>
    internal OcclusionWindow Check(string input, IReadOnlyList<long> shape)
    {
        if (Size.Count != shape.Count || Size.Zip(shape).Any(pair => pair.First < 1 || pair.First > pair.Second))
        {
            throw new MultiInputException(
                $"window of '{input}'",
                ModelComponent.Input,
                $"its size is {Shapes.Text(Size)} for samples of shape {Shapes.Text(shape)}.",
                "Give a number along each dimension, from 1 to that of the sample.");
        }

        return Stride is null || (Stride.Count == shape.Count && Stride.Zip(Size).All(pair => pair.First >= 1 && pair.First <= pair.Second))
            ? this
            : throw new MultiInputException(
                $"window of '{input}'",
                ModelComponent.Input,
                $"its stride is {Shapes.Text(Stride)} for a size of {Shapes.Text(Size)}.",
                "Give a number along each dimension, from 1 to the size, so that everything is hidden once.");
    }

    private static IEnumerable<long> Starts(long size, long length, long stride)
    {
        for (var start = 0L; ; start += stride)
        {
            yield return start;
            if (start + size >= length)
                yield break;
        }
    }
}
