using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Random changes of training samples that keep their labels valid, for <see cref="DataSource.Augment"/>: each is a function
/// that maps a batch to a new one of the same shape. All randomness comes from torch, so that a seed controls it.
/// </summary>
public static class Augmentations
{
    /// <summary>Several augmentations, applied one after another.</summary>
    /// <param name="augmentations">The augmentations in order; without any, batches are unchanged.</param>
    /// <returns>The augmentation.</returns>
    public static Func<Tensor, Tensor> Compose(params IReadOnlyList<Func<Tensor, Tensor>> augmentations)
    {
        ArgumentNullException.ThrowIfNull(augmentations);
        return batch =>
        {
            using var scope = NewDisposeScope();
            var changed = augmentations.Aggregate(batch, (samples, augmentation) => augmentation(samples));
            return ReferenceEquals(changed, batch) ? batch : changed.MoveToOuterDisposeScope();
        };
    }

    /// <summary>Adds normally distributed noise to every value. For images, sequences (jitter) and tables.</summary>
    /// <param name="deviation">The noise's standard deviation, in the units of the values, from 0.</param>
    /// <returns>The augmentation, for floating-point batches of any shape.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The deviation is out of its range.</exception>
    public static Func<Tensor, Tensor> Noise(double deviation)
    {
        CheckRange(deviation, 0, double.MaxValue, nameof(deviation));
        return batch =>
        {
            using var scope = NewDisposeScope();
            return (batch + randn_like(batch) * deviation).MoveToOuterDisposeScope();
        };
    }

    /// <summary>Multiplies each sample by its own random factor.</summary>
    /// <param name="lowest">The smallest factor.</param>
    /// <param name="highest">The largest factor.</param>
    /// <returns>The augmentation, for floating-point batches of any shape.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The numbers are not finite, or the first is above the second.</exception>
    public static Func<Tensor, Tensor> Scale(double lowest, double highest)
    {
        CheckRange(highest, double.MinValue, double.MaxValue, nameof(highest));
        CheckRange(lowest, double.MinValue, highest, nameof(lowest));
        return batch =>
        {
            using var scope = NewDisposeScope();
            var factors = lowest + (highest - lowest) * PerSample(batch);
            return (batch * factors.to(batch.dtype)).MoveToOuterDisposeScope();
        };
    }

    /// <summary>Replaces random values by the batch mean of their channel or feature.</summary>
    /// <param name="probability">The probability for each value.</param>
    /// <returns>The augmentation, for floating-point batches, <c>(batch, channels or features, ...)</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The probability is out of its range.</exception>
    public static Func<Tensor, Tensor> DropValues(double probability)
    {
        CheckRange(probability, 0, 1, nameof(probability));
        return batch =>
        {
            CheckDimensions(batch, nameof(DropValues), "(batch, channels or features, ...)", batch.dim() >= 2);
            using var scope = NewDisposeScope();
            var mean = batch.mean([.. Enumerable.Range(0, (int)batch.dim()).Where(d => d != 1).Select(d => (long)d)], keepdim: true);
            return mean.where(rand_like(batch) < probability, batch).MoveToOuterDisposeScope();
        };
    }

    /// <summary>Mirrors images left to right.</summary>
    /// <param name="probability">The probability for each image.</param>
    /// <returns>The augmentation, for images, <c>(batch, channels, height, width)</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The probability is out of its range.</exception>
    public static Func<Tensor, Tensor> HorizontalFlip(double probability = 0.5) => Flip(nameof(HorizontalFlip), 3, probability);

    /// <summary>Mirrors images top to bottom.</summary>
    /// <param name="probability">The probability for each image.</param>
    /// <returns>The augmentation, for images, <c>(batch, channels, height, width)</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The probability is out of its range.</exception>
    public static Func<Tensor, Tensor> VerticalFlip(double probability = 0.5) => Flip(nameof(VerticalFlip), 2, probability);

    /// <summary>
    /// Rotates square images by multiples of 90 degrees and mirrors them, for images without a preferred orientation: each quarter
    /// of the batch in one of the eight ways.
    /// </summary>
    /// <returns>The augmentation, for images, <c>(batch, channels, size, size)</c>.</returns>
    public static Func<Tensor, Tensor> TurnAndMirror() => images =>
    {
        CheckImages(images, nameof(TurnAndMirror));
        CheckDimensions(images, nameof(TurnAndMirror), "(batch, channels, size, size)", images.shape[2] == images.shape[3]);
        using var scope = NewDisposeScope();
        var ways = randint(8, [4]).to(ScalarType.Int64).Numbers<long>();
        return cat([.. images.chunk(4).Zip(ways, TurnOrMirror)]).MoveToOuterDisposeScope();

        static Tensor TurnOrMirror(Tensor part, long way)
        {
            var turned = part.rot90(way % 4, (2, 3));
            return way < 4 ? turned : turned.flip(3);
        }
    };

    /// <summary>Shifts images by whole pixels; what comes in at the border is 0.</summary>
    /// <param name="pixels">The largest shift in each direction, at least 1.</param>
    /// <param name="probability">The probability for each image.</param>
    /// <returns>The augmentation, for images, <c>(batch, channels, height, width)</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static Func<Tensor, Tensor> Shift(int pixels, double probability = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pixels, 1);
        CheckRange(probability, 0, 1, nameof(probability));
        return images =>
        {
            CheckImages(images, nameof(Shift));
            using var scope = NewDisposeScope();
            var (count, height, width) = (images.shape[0], images.shape[2], images.shape[3]);
            var padded = nn.functional.pad(images, [pixels, pixels, pixels, pixels]);
            var moves = rand(count, 1, 1) < probability;
            var rows = arange(height).view(1, -1, 1) + Offset();
            var columns = arange(width).view(1, 1, -1) + Offset();
            var samples = arange(count).view(-1, 1, 1);
            return padded.permute(0, 2, 3, 1)
                .index(samples.to(images.device), rows.to(images.device), columns.to(images.device))
                .permute(0, 3, 1, 2)
                .MoveToOuterDisposeScope();

            Tensor Offset() => randint(2L * pixels + 1, [count, 1, 1]).to(ScalarType.Int64)
                .where(moves, full(count, 1, 1, pixels, ScalarType.Int64));
        };
    }

    /// <summary>Rotates images around their centre, with bilinear interpolation; what comes in at the border is 0.</summary>
    /// <param name="degrees">The largest angle in either direction, from 0 to 180.</param>
    /// <returns>The augmentation, for floating-point images, <c>(batch, channels, height, width)</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The angle is out of its range.</exception>
    public static Func<Tensor, Tensor> Rotate(double degrees)
    {
        CheckRange(degrees, 0, 180, nameof(degrees));
        return images =>
        {
            CheckImages(images, nameof(Rotate));
            using var scope = NewDisposeScope();
            return RotateBy(images, (2 * rand(images.shape[0]) - 1) * (degrees * Math.PI / 180)).MoveToOuterDisposeScope();
        };
    }

    /// <summary>Sets a rectangle of each image to one value (random erasing; Zhong et al., 2020).</summary>
    /// <param name="probability">The probability for each image.</param>
    /// <param name="smallest">The smallest fraction of the area, above 0.</param>
    /// <param name="largest">The largest fraction of the area, up to 1. Rectangles that stick out are clipped to the image.</param>
    /// <param name="value">The value to set.</param>
    /// <returns>The augmentation, for images, <c>(batch, channels, height, width)</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static Func<Tensor, Tensor> Erase(double probability = 0.5, double smallest = 0.02, double largest = 0.33, double value = 0)
    {
        CheckRange(probability, 0, 1, nameof(probability));
        CheckRange(largest, double.Epsilon, 1, nameof(largest));
        CheckRange(smallest, double.Epsilon, largest, nameof(smallest));
        return images =>
        {
            CheckImages(images, nameof(Erase));
            using var scope = NewDisposeScope();
            var (height, width) = (images.shape[2], images.shape[3]);
            var area = (smallest + (largest - smallest) * PerSample(images)) * (height * width);
            var ratio = ((2 * PerSample(images) - 1) * Math.Log(10.0 / 3)).exp();
            var rows = Inside(height, (area * ratio).sqrt(), images).unsqueeze(-1);
            var columns = Inside(width, (area / ratio).sqrt(), images).unsqueeze(-2);
            var erased = rows.logical_and(columns).logical_and(PerSample(images) < probability);
            return images.masked_fill(erased, value).MoveToOuterDisposeScope();
        };

        // Which positions along a side lie within a random interval of the given length: (batch, 1, size).
        static Tensor Inside(long size, Tensor length, Tensor images)
        {
            var whole = length.round().clamp(1, size).view(-1, 1, 1);
            var start = (PerSample(images).view(-1, 1, 1) * (size - whole + 1)).floor();
            var places = arange(size, device: images.device).view(1, 1, -1);
            return (places >= start).logical_and(places < start + whole);
        }
    }

    /// <summary>Shifts sequences by whole steps; at the open end the outermost values are repeated.</summary>
    /// <param name="steps">The largest shift in each direction, at least 1.</param>
    /// <returns>The augmentation, for sequences, <c>(batch, features, length)</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number is out of its range.</exception>
    public static Func<Tensor, Tensor> TimeShift(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        return sequences =>
        {
            CheckSequences(sequences, nameof(TimeShift));
            using var scope = NewDisposeScope();
            var length = sequences.shape[2];
            var offsets = randint(-steps, steps + 1L, [sequences.shape[0], 1, 1]).to(ScalarType.Int64);
            var places = (arange(length).view(1, 1, -1) + offsets).clamp(0, length - 1);
            return TakeAlongTime(sequences, places.to(sequences.device)).MoveToOuterDisposeScope();
        };
    }

    /// <summary>Stretches a part of each sequence to the whole length, with linear interpolation (window slicing).</summary>
    /// <param name="smallest">The smallest fraction of the length to take, above 0, up to 1.</param>
    /// <returns>The augmentation, for floating-point sequences, <c>(batch, features, length)</c>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of its range.</exception>
    public static Func<Tensor, Tensor> TimeCrop(double smallest)
    {
        CheckRange(smallest, double.Epsilon, 1, nameof(smallest));
        return sequences =>
        {
            CheckSequences(sequences, nameof(TimeCrop));
            using var scope = NewDisposeScope();
            var length = sequences.shape[2];
            var share = smallest + (1 - smallest) * PerSample(sequences);
            var start = PerSample(sequences) * (1 - share) * (length - 1);
            var places = start + share * arange(length, device: sequences.device).view(1, 1, -1);
            var before = places.floor();
            var part = (places - before).to(sequences.dtype);
            var lower = TakeAlongTime(sequences, before.to(ScalarType.Int64));
            var upper = TakeAlongTime(sequences, (before.to(ScalarType.Int64) + 1).clamp_max(length - 1));
            return (lower + part * (upper - lower)).MoveToOuterDisposeScope();
        };
    }

    /// <summary>Rotates each image by its angle in radians, counterclockwise.</summary>
    internal static Tensor RotateBy(Tensor images, Tensor angles)
    {
        using var scope = NewDisposeScope();
        var (count, height, width) = (images.shape[0], images.shape[2], images.shape[3]);
        var (cos, sin) = (angles.cos(), angles.sin());

        // Where each pixel comes from, in coordinates from -1 to 1 along each side; the aspect ratio keeps angles true.
        var ratio = (double)height / width;
        var nothing = zeros_like(cos);
        var rows = stack([cos, -sin * ratio, nothing, sin / ratio, cos, nothing], 1).view(count, 2, 3);
        var grid = nn.functional.affine_grid(rows.to(images.dtype).to(images.device), images.shape, align_corners: false);
        return nn.functional.grid_sample(images, grid, align_corners: false).MoveToOuterDisposeScope();
    }

    private static Func<Tensor, Tensor> Flip(string name, long dimension, double probability)
    {
        CheckRange(probability, 0, 1, nameof(probability));
        return images =>
        {
            CheckImages(images, name);
            using var scope = NewDisposeScope();
            return images.flip(dimension).where(PerSample(images) < probability, images).MoveToOuterDisposeScope();
        };
    }

    /// <summary>
    /// A number from 0 to 1 for each sample, shaped for broadcasting. Drawn on the CPU, so that it is the same on every device.
    /// </summary>
    private static Tensor PerSample(Tensor batch) =>
        rand(batch.shape[0]).view([batch.shape[0], .. Enumerable.Repeat(1L, (int)batch.dim() - 1)]).to(batch.device);

    private static Tensor TakeAlongTime(Tensor sequences, Tensor places) => sequences.gather(2, places.expand(sequences.shape));

    private static void CheckImages(Tensor batch, string name) =>
        CheckDimensions(batch, name, "(batch, channels, height, width)", batch.dim() == 4);

    private static void CheckSequences(Tensor batch, string name) =>
        CheckDimensions(batch, name, "(batch, features, length)", batch.dim() == 3);

    private static void CheckDimensions(Tensor batch, string name, string shape, bool fits)
    {
        if (!fits)
        {
            throw new MultiInputException(
                $"augmentation '{name}'",
                ModelComponent.Training,
                $"the batch has shape {Shapes.Text(batch.shape)}.",
                $"It takes batches of shape {shape}.");
        }
    }

    private static void CheckRange(double value, double low, double high, string name)
    {
        if (!(value >= low && value <= high))
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give a number from {low} to {high}.");
    }
}
