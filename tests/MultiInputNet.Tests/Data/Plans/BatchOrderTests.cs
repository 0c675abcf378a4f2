using MultiInputNet.Data;

namespace MultiInputNet.Tests.Data;

public sealed class BatchOrderTests
{
    [Fact]
    public void A_pass_visits_every_sample_once_and_the_next_in_another_order()
    {
        var order = new BatchOrder(seed: 3, "a", count: 20, batchSize: 5);
        long[] Pass(int pass) => [.. Enumerable.Range(4 * pass, 4).SelectMany(step => order.At(step).ToArray())];

        Pass(0).Should().BeEquivalentTo(Enumerable.Range(0, 20));
        Pass(1).Should().BeEquivalentTo(Enumerable.Range(0, 20)).And.NotEqual(Pass(0));
    }

    [Fact]
    public void It_is_a_pure_function_of_seed_source_and_step()
    {
        var order = new BatchOrder(3, "a", 100, 7);
        var walked = Enumerable.Range(0, 40).Select(step => order.At(step).ToArray()).ToArray();

        new BatchOrder(3, "a", 100, 7).At(33).ToArray().Should().Equal(walked[33], "a run can begin at any step");
        new BatchOrder(4, "a", 100, 7).At(33).ToArray().Should().NotEqual(walked[33]);
        new BatchOrder(3, "b", 100, 7).At(33).ToArray().Should().NotEqual(walked[33]);
        walked.SelectMany(rows => rows).Should().OnlyContain(row => row >= 0 && row < 100);
    }

    [Fact]
    public void A_source_smaller_than_a_batch_gives_all_it_has() =>
        new BatchOrder(0, "a", 3, 8).At(12).ToArray().Should().BeEquivalentTo([0, 1, 2]);

    [Fact]
    public void Every_sample_comes_first_equally_often()
    {
        var counts = new int[10];
        for (var seed = 0; seed < 5000; seed++)
            counts[new BatchOrder(seed, "a", 10, 10).At(0)[0]]++;

        // Chi-squared with 9 degrees of freedom stays below 27.9 with probability 0.999.
        counts.Sum(count => (count - 500.0) * (count - 500) / 500).Should().BeLessThan(27.9);
    }
}
