using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

public sealed class SplitTests
{
    [Fact]
    public void A_split_holds_back_the_same_share_of_every_class()
    {
        using var scope = NewDisposeScope();
        var source = Source(100, i => i < 80 ? 0 : 1);

        var (training, validation) = source.Split(0.25, seed: 3);

        (training.Count, validation.Count).Should().Be((75, 25));
        validation.Targets["t"].sum().item<long>().Should().Be(5);
        Values(training).Concat(Values(validation)).Should().BeEquivalentTo(Enumerable.Range(0, 100).Select(i => (float)i));
        Values(source.Split(0.25, seed: 3).Validation).Should().Equal(Values(validation));
        Values(source.Split(0.25, seed: 4).Validation).Should().NotEqual(Values(validation));
    }

    [Theory]
    [InlineData(0.2, 40, 100, 2)]
    [InlineData(0.2, 60, 100, 3)]
    [InlineData(0.1, 100, 50, 2, 1, 900)]
    [InlineData(0.25, 57, 7, 1, 3, 30, 1, 2, 16, 8)]
    [InlineData(0.9, 100, 100, 2)]
    [InlineData(0.5, 2, 1, 3, 7, 1)]
    [InlineData(0.3, 300, 10, 1, 1, 990)]
    public void The_total_is_right_to_a_row_and_every_class_near_its_share(double share, int total, params int[] classesAndSizes)
    {
        using var scope = NewDisposeScope();
        var labels = classesAndSizes.Chunk(2).SelectMany(pair => Enumerable.Repeat(pair[1], pair[0])).Index().SelectMany(c => Enumerable.Repeat(c.Index, c.Item)).ToArray();
        var held = Source(labels.Length, i => labels[i]).Split(share, seed: 1).Validation.Targets["t"].data<long>().ToArray();

        held.Length.Should().Be(total);
        foreach (var (label, size) in labels.CountBy(label => label))
        {
            var count = held.Count(other => other == label);
            count.Should().BeLessThan(size, "a sample of each class is trained on");

            // Classes of a single sample leave their share to the others.
            if (!classesAndSizes.Where((_, index) => index % 2 == 1).Contains(1))
                (count - share * size).Should().BeInRange(-1, 1);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Numbers_and_several_labels_are_split_to_a_row(int count)
    {
        using var scope = NewDisposeScope();
        foreach (var labels in new[] { rand(count, 1, ScalarType.Float64), rand(count, 3) })
        {
            var (training, validation) = new TensorSource("t", rand(count, 2), labels).Split(0.3);

            (training.Count, validation.Count).Should().Be((count - (long)Math.Round(0.3 * count), (long)Math.Round(0.3 * count)));
        }
    }

    [Fact]
    public void A_subset_keeps_labels_beside_their_samples()
    {
        using var scope = NewDisposeScope();
        var subset = Source(10, i => i * 2).Subset([7, 2, 7]);

        subset.Targets["t"].data<long>().ToArray().Should().Equal(14, 4, 14);
        subset.Read([0, 1]).Inputs["t"].data<float>().ToArray().Should().Equal(7, 2);
        subset.Read([0, 1]).Rows.Should().Equal(0, 1);
    }

    [Fact]
    public void A_subset_says_which_of_its_rows_could_be_read()
    {
        using var scope = NewDisposeScope();
        var subset = new WithoutEvenRows().Subset([4, 1, 5, 2, 1]);

        var batch = subset.Read([0, 1, 2, 3, 4]);

        batch.Rows.Should().Equal(1, 2, 4);
        batch.Inputs["t"].data<float>().ToArray().Should().Equal(1, 5, 1);
    }

    [Fact]
    public void A_part_without_samples_is_refused()
    {
        using var scope = NewDisposeScope();
        var source = Source(10, i => i);

        source.Invoking(s => s.Split(0)).Should().Throw<ArgumentOutOfRangeException>();
        source.Invoking(s => s.Split(0.1)).Should().Throw<ArgumentException>("each class has one sample").WithMessage("*each part needs at least one*");
        source.Invoking(s => s.Subset([10])).Should().Throw<ArgumentException>();
    }

    private static TensorSource Source(int count, Func<int, int> label) => new(
        "t", arange(count).to(ScalarType.Float32).view(-1, 1), tensor(Enumerable.Range(0, count).Select(i => (long)label(i)).ToArray()));

    private static float[] Values(DataSource source) => source.Read([.. Enumerable.Range(0, (int)source.Count)]).Inputs["t"].data<float>().ToArray();

    private sealed class WithoutEvenRows() : DataSource("t", ["t"], new Dictionary<string, Tensor> { ["t"] = zeros(6, ScalarType.Int64) })
    {
        public override InputBatch Read(IReadOnlyList<long> rows)
        {
            var read = rows.Where(row => row % 2 == 1).ToArray();
            return new(read, new Dictionary<string, Tensor> { ["t"] = tensor(read.Select(row => (float)row).ToArray()) });
        }
    }
}
