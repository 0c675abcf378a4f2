namespace MultiInputNet.Tests;

public sealed class SeededOrderTests
{
    [Fact]
    public void An_order_holds_every_number_once_and_depends_on_seed_name_and_index()
    {
        var order = SeededOrder.Of(1000, 5, "digits", 3);

        order.Order().Should().Equal(Enumerable.Range(0, 1000).Select(i => (long)i));
        SeededOrder.Of(1000, 5, "digits", 3).Should().Equal(order);
        SeededOrder.Of(1000, 6, "digits", 3).Should().NotEqual(order);
        SeededOrder.Of(1000, 5, "letter", 3).Should().NotEqual(order);
        SeededOrder.Of(1000, 5, "digits", 4).Should().NotEqual(order);
    }

    [Fact]
    public void Orders_of_three_are_equally_frequent()
    {
        var counts = Enumerable.Range(0, 6000)
            .Select(index => string.Join("", SeededOrder.Of(3, 1, "", index)))
            .CountBy(order => order)
            .ToArray();

        // Five standard deviations of a count of 1,000.
        counts.Should().HaveCount(6).And.OnlyContain(count => Math.Abs(count.Value - 1000) < 145);
    }
}
