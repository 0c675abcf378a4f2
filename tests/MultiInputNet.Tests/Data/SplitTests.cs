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
        source.Invoking(s => s.Split(0.1)).Should().Throw<ArgumentException>("each class has one sample").WithMessage("*each part needs one*");
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
