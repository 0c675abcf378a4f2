using static TorchSharp.torch;

/// <summary>Random changes of training samples that leave their class as it is.</summary>
internal static class Augmentations
{
    /// <summary>Moves images of a black background by up to one pixel in each direction.</summary>
    public static Tensor Shift(Tensor images, double probability)
    {
        using var scope = NewDisposeScope();
        var (count, height, width) = (images.shape[0], images.shape[2], images.shape[3]);
        var padded = nn.functional.pad(images, [1, 1, 1, 1]);
        var moves = rand(count, 1, 1) < probability;
        Tensor Offset() => randint(3, [count, 1, 1]).to(ScalarType.Int64).where(moves, ones(count, 1, 1, dtype: ScalarType.Int64));
        var rows = arange(height).view(1, -1, 1) + Offset();
        var columns = arange(width).view(1, 1, -1) + Offset();
        var samples = arange(count).view(-1, 1, 1);
        return padded.permute(0, 2, 3, 1).index(samples, rows, columns).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Turns square images by quarters and mirrors them: each quarter of the batch in one of the eight ways.</summary>
    public static Tensor TurnAndMirror(Tensor images)
    {
        using var scope = NewDisposeScope();
        var ways = randint(8, [4]).to(ScalarType.Int64).data<long>().ToArray();
        return cat([.. images.chunk(4).Zip(ways, TurnOrMirror)]).MoveToOuterDisposeScope();

        static Tensor TurnOrMirror(Tensor part, long way)
        {
            var turned = part.rot90(way % 4, (2, 3));
            return way < 4 ? turned : turned.flip(3);
        }
    }

    /// <summary>Replaces values by the batch's mean of their feature.</summary>
    public static Tensor Drop(Tensor sequences, double probability)
    {
        using var scope = NewDisposeScope();
        var mean = sequences.mean([0, 2], keepdim: true);
        return mean.where(rand_like(sequences) < probability, sequences).MoveToOuterDisposeScope();
    }
}
