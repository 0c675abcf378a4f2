using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

public sealed class AugmentationsTests
{
    private static readonly Dictionary<string, (Func<Tensor, Tensor> Augment, long[] Shape)> all = new()
    {
        ["noise"] = (Augmentations.Noise(0.5), [6, 3]),
        ["scale"] = (Augmentations.Scale(0.8, 1.2), [6, 3, 5]),
        ["drop"] = (Augmentations.DropValues(0.3), [6, 3, 5]),
        ["horizontal"] = (Augmentations.HorizontalFlip(), [6, 3, 4, 5]),
        ["vertical"] = (Augmentations.VerticalFlip(), [6, 5, 4, 5]),
        ["turn"] = (Augmentations.TurnAndMirror(), [6, 2, 4, 4]),
        ["shift"] = (Augmentations.Shift(2, 0.5), [6, 2, 4, 5]),
        ["rotate"] = (Augmentations.Rotate(20), [6, 7, 6, 5]),
        ["erase"] = (Augmentations.Erase(0.9), [6, 1, 6, 5]),
        ["time shift"] = (Augmentations.TimeShift(3), [6, 2, 9]),
        ["time crop"] = (Augmentations.TimeCrop(0.5), [6, 2, 9]),
        ["composed"] = (
            Augmentations.Compose(Augmentations.HorizontalFlip(), Augmentations.Shift(1), Augmentations.Noise(0.1)), [6, 3, 4, 4]),
    };

    public static TheoryData<string> All => [.. all.Keys];

    private static float[] Values(Tensor tensor) => tensor.contiguous().data<float>().ToArray();

    [Theory]
    [MemberData(nameof(All))]
    public void The_shape_stays_the_input_is_left_alone_and_the_seed_governs_the_result(string name)
    {
        using var scope = NewDisposeScope();
        var (augment, shape) = all[name];
        random.manual_seed(4);
        var batch = rand(shape);
        var before = batch.clone();

        random.manual_seed(11);
        var first = augment(batch);
        var other = augment(batch);
        random.manual_seed(11);
        var again = augment(batch);

        first.shape.Should().Equal(shape);
        first.dtype.Should().Be(ScalarType.Float32);
        batch.eq(before).all().ToBoolean().Should().BeTrue();
        Values(again).Should().Equal(Values(first));
        Values(first).Should().NotEqual(Values(batch));
        Values(other).Should().NotEqual(Values(first));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_number_of_live_tensors_stays(string name)
    {
        using var scope = NewDisposeScope();
        var (augment, shape) = all[name];
        var batch = rand(shape);
        augment(batch).Dispose();
        GC.Collect(); // what earlier tests left to the finalizers
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        for (var i = 0; i < 100; i++)
            augment(batch).Dispose();
        Tensor.TotalCount.Should().Be(before);
    }

    [Fact]
    public void Shift_moves_each_image_by_its_own_draws()
    {
        using var scope = NewDisposeScope();
        var images = rand(40, 2, 4, 3);
        random.manual_seed(3);
        var shifted = Augmentations.Shift(1, probability: 0.6)(images);

        random.manual_seed(3);
        var moves = (rand(40, 1, 1) < 0.6).data<bool>().ToArray();
        var downs = randint(3, [40, 1, 1]).data<long>().ToArray();
        var rights = randint(3, [40, 1, 1]).data<long>().ToArray();
        var (from, to) = (images.data<float>(), shifted.contiguous().data<float>());
        for (var n = 0; n < 40; n++)
        {
            for (var c = 0; c < 2; c++)
            {
                for (var y = 0; y < 4; y++)
                {
                    for (var x = 0; x < 3; x++)
                    {
                        var row = y + (moves[n] ? downs[n] - 1 : 0);
                        var column = x + (moves[n] ? rights[n] - 1 : 0);
                        var expected = row is >= 0 and < 4 && column is >= 0 and < 3 ? from[n, c, (int)row, (int)column] : 0;
                        to[n, c, y, x].Should().Be(expected);
                    }
                }
            }
        }
    }

    [Fact]
    public void Each_quarter_of_a_batch_is_turned_and_mirrored_in_one_of_eight_ways()
    {
        using var scope = NewDisposeScope();
        var image = arange(9, ScalarType.Float32).view(1, 1, 3, 3);
        var ways = new HashSet<string>();
        for (var i = 0; i < 60; i++)
        {
            var turned = Augmentations.TurnAndMirror()(image.expand(8, 1, 3, 3));
            foreach (var n in Enumerable.Range(0, 8))
                ways.Add(string.Join(' ', Values(turned[n])));
            turned[0].eq(turned[1]).all().ToBoolean().Should().BeTrue();
        }

        // The eight symmetries of a square: the corners in order around it, from any corner in either sense.
        ways.Should().HaveCount(8);
        int[] ring = [0, 1, 2, 5, 8, 7, 6, 3];
        foreach (var way in ways)
        {
            var cells = way.Split(' ');
            var around = ring.Select(place => Array.IndexOf(ring, int.Parse(cells[place]))).ToArray();
            var step = (around[1] - around[0] + 8) % 8;
            step.Should().BeOneOf(1, 7);
            around.Zip(around.Skip(1)).Should().OnlyContain(pair => (pair.Second - pair.First + 8) % 8 == step);
            (around[0] % 2).Should().Be(0);
            cells[4].Should().Be("4");
        }
    }

    [Fact]
    public void Flips_mirror_about_half_of_the_images()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(0);
        var images = rand(1000, 1, 2, 3);
        foreach (var (augment, dimension) in new[] { (Augmentations.HorizontalFlip(), 3), (Augmentations.VerticalFlip(), 2) })
        {
            var flipped = augment(images);
            var isFlipped = flipped.eq(images.flip(dimension)).flatten(1).all(1);
            var isSame = flipped.eq(images).flatten(1).all(1);
            isFlipped.logical_xor(isSame).all().ToBoolean().Should().BeTrue();

            // Five standard deviations.
            isFlipped.sum().item<long>().Should().BeInRange(420, 580);
        }

        Augmentations.HorizontalFlip(0)(images).eq(images).all().ToBoolean().Should().BeTrue();
        Augmentations.HorizontalFlip(1)(images).eq(images.flip(3)).all().ToBoolean().Should().BeTrue();
    }

    [Fact]
    public void A_rotation_by_a_quarter_is_that_of_rot90()
    {
        using var scope = NewDisposeScope();
        var images = rand(2, 3, 5, 5);

        var turned = Augmentations.RotateBy(images, tensor(new[] { Math.PI / 2, Math.PI }));

        turned[0].allclose(images[0].rot90(1, (1, 2)), atol: 1e-5).Should().BeTrue();
        turned[1].allclose(images[1].rot90(2, (1, 2)), atol: 1e-5).Should().BeTrue();
    }

    [Fact]
    public void A_rotation_keeps_angles_in_images_that_are_not_square()
    {
        using var scope = NewDisposeScope();
        var (height, width) = (6, 9);
        var images = rand(1, 1, height, width, ScalarType.Float64);
        var angle = 25 * Math.PI / 180;

        var turned = Augmentations.RotateBy(images, tensor(new[] { angle })).data<double>();

        // Each pixel against the clock (rows run down), interpolated by hand between the four around where it comes from.
        var values = images.data<double>();
        double At(double row, double column) => row is >= 0 && row < height && column is >= 0 && column < width
            ? values[0, 0, (int)row, (int)column]
            : 0;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (right, down) = (x - (width - 1) / 2.0, y - (height - 1) / 2.0);
                var column = Math.Cos(angle) * right - Math.Sin(angle) * down + (width - 1) / 2.0;
                var row = Math.Sin(angle) * right + Math.Cos(angle) * down + (height - 1) / 2.0;
                var (top, left) = (Math.Floor(row), Math.Floor(column));
                var expected = (1 - (row - top)) * ((1 - (column - left)) * At(top, left) + (column - left) * At(top, left + 1))
                    + (row - top) * ((1 - (column - left)) * At(top + 1, left) + (column - left) * At(top + 1, left + 1));
                turned[0, 0, y, x].Should().BeApproximately(expected, 1e-6);
            }
        }
    }

    [Fact]
    public void Rotations_stay_within_their_angle_and_go_both_ways()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);

        // A dot to the right of the centre, 10 pixels away: within 30 degrees it moves at most 5 up or down.
        var images = zeros(200, 1, 25, 25);
        images[TensorIndex.Colon, 0, 12, 22] = tensor(1f);
        var rows = Augmentations.Rotate(30)(images).sum([1, 3]).argmax(1).data<long>().ToArray();

        rows.Should().OnlyContain(row => row >= 7 && row <= 17);
        rows.Should().Contain(row => row <= 8).And.Contain(row => row >= 16);
    }

    [Fact]
    public void Erasing_sets_one_rectangle_of_the_allowed_area()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(6);
        var erased = Augmentations.Erase(0.75, smallest: 0.1, largest: 0.2, value: -1)(ones(400, 3, 20, 30)).data<float>();
        var whole = 0;
        for (var n = 0; n < 400; n++)
        {
            var places = Enumerable.Range(0, 600).Where(p => erased[n, 0, p / 30, p % 30] == -1).ToArray();
            Enumerable.Range(0, 600).Count(p => erased[n, 0, p / 30, p % 30] == 1).Should().Be(600 - places.Length);
            Enumerable.Range(0, 600).Should().OnlyContain(p => erased[n, 2, p / 30, p % 30] == erased[n, 0, p / 30, p % 30]);
            if (places.Length == 0)
            {
                whole++;
                continue;
            }

            // A rectangle holds every place between its outermost rows and columns; rounding a side moves its area a little.
            var height = places.Max(p => p / 30) - places.Min(p => p / 30) + 1;
            var width = places.Max(p => p % 30) - places.Min(p => p % 30) + 1;
            places.Length.Should().Be(height * width).And.BeInRange(50, 135);
        }

        // Five standard deviations.
        whole.Should().BeInRange(57, 143);
    }

    [Fact]
    public void Dropped_values_are_the_batch_s_mean_of_their_feature()
    {
        using var scope = NewDisposeScope();
        var sequences = rand(50, 3, 20);
        random.manual_seed(9);
        var dropped = Augmentations.DropValues(0.1)(sequences);

        random.manual_seed(9);
        var chosen = rand_like(sequences) < 0.1;
        var (before, after, isChosen) = (sequences.data<float>(), dropped.data<float>(), chosen.data<bool>());
        for (var f = 0; f < 3; f++)
        {
            var mean = Enumerable.Range(0, 1000).Average(i => (double)before[i / 20, f, i % 20]);
            for (var i = 0; i < 1000; i++)
            {
                if (isChosen[i / 20, f, i % 20])
                    ((double)after[i / 20, f, i % 20]).Should().BeApproximately(mean, 1e-5);
                else
                    after[i / 20, f, i % 20].Should().Be(before[i / 20, f, i % 20]);
            }
        }

        Augmentations.DropValues(1)(tensor(new[,] { { 1f, 5f }, { 3f, 5f } })).data<float>().ToArray().Should().Equal(2, 5, 2, 5);
    }

    [Fact]
    public void Noise_has_its_deviation_and_no_mean()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var noise = Augmentations.Noise(0.5)(full(10000, 3, 2.0f)) - 2;

        noise.mean().item<float>().Should().BeApproximately(0, 5 * 0.5f / 173);
        noise.std().item<float>().Should().BeApproximately(0.5f, 0.015f);
    }

    [Fact]
    public void A_scale_is_one_number_for_each_sample_within_its_range()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var factors = Augmentations.Scale(0.5, 2)(ones(500, 3, 4)).flatten(1);

        factors.eq(factors.narrow(1, 0, 1)).all().ToBoolean().Should().BeTrue();
        Values(factors).Should().OnlyContain(factor => factor >= 0.5f && factor <= 2);
        Values(factors).Min().Should().BeLessThan(0.55f);
        Values(factors).Max().Should().BeGreaterThan(1.95f);
    }

    [Fact]
    public void Time_shifts_move_every_feature_alike_and_repeat_the_ends()
    {
        using var scope = NewDisposeScope();
        var sequence = stack([arange(6, ScalarType.Float32), arange(6, ScalarType.Float32) * 10], 0).unsqueeze(0);
        var shifted = Augmentations.TimeShift(2)(sequence.expand(300, 2, 6));

        var offsets = new HashSet<int>();
        foreach (var n in Enumerable.Range(0, 300))
        {
            var values = Values(shifted[n]);
            var offset = Enumerable.Range(-2, 5).Single(o => Enumerable.Range(0, 6).All(t => values[t] == Math.Clamp(t + o, 0, 5)));
            values[6..].Should().Equal(values[..6].Select(value => value * 10));
            offsets.Add(offset);
        }

        offsets.Should().BeEquivalentTo([-2, -1, 0, 1, 2]);
    }

    [Fact]
    public void Time_crops_stretch_a_part_evenly()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(2);

        // On a straight line linear interpolation is exact: a part is a straight line with a smaller slope, within the ends.
        var line = arange(11, ScalarType.Float32).view(1, 1, 11).expand(300, 1, 11);
        var cropped = Augmentations.TimeCrop(0.5)(line).squeeze(1);

        var slopes = Values(cropped.narrow(1, 1, 10) - cropped.narrow(1, 0, 10)).Chunk(10).ToArray();
        slopes.Should().OnlyContain(slope => slope.Max() - slope.Min() < 1e-4f && slope[0] >= 0.4999f && slope[0] <= 1.0001f);
        slopes.Min(slope => slope[0]).Should().BeLessThan(0.52f);
        slopes.Max(slope => slope[0]).Should().BeGreaterThan(0.98f);
        Values(cropped).Should().OnlyContain(value => value >= 0 && value <= 10.0001f);
        Values(cropped.narrow(1, 0, 1)).Max().Should().BeGreaterThan(4);
    }

    [Fact]
    public void A_composition_of_nothing_gives_the_batch_itself()
    {
        using var scope = NewDisposeScope();
        var batch = rand(2, 3);

        Augmentations.Compose()(batch).Should().BeSameAs(batch);
        Augmentations.Compose(x => x)(batch).Should().BeSameAs(batch);
        Values(Augmentations.Compose(x => x + 1, x => x * 2)(batch)).Should().Equal(Values((batch + 1) * 2));
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        Augmentations.Shift(1).Invoking(augment => augment(rand(2, 3)))
            .Should().Throw<MultiInputException>().WithMessage("Augmentation 'Shift'*(2, 3)*(batch, channels, height, width)*");
        Augmentations.TimeShift(1).Invoking(augment => augment(rand(2, 3))).Should().Throw<MultiInputException>();
        Augmentations.TurnAndMirror().Invoking(augment => augment(rand(2, 1, 3, 4))).Should().Throw<MultiInputException>();
        FluentActions.Invoking(() => Augmentations.Shift(0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => Augmentations.HorizontalFlip(1.5)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => Augmentations.Scale(2, 1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => Augmentations.Erase(0.5, 0.5, 0.2)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => Augmentations.TimeCrop(0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => Augmentations.Noise(double.NaN)).Should().Throw<ArgumentOutOfRangeException>();
    }
}
