using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

public sealed class SourceSamplingTests
{
    private static readonly Dictionary<string, SourceSampling> ways = new()
    {
        ["all"] = SourceSampling.All,
        ["in turn"] = SourceSampling.RoundRobin,
        ["proportional"] = SourceSampling.Proportional,
        ["uniform"] = SourceSampling.Temperature(0),
        ["half"] = SourceSampling.Temperature(0.5),
        ["fixed"] = SourceSampling.Fixed(new Dictionary<string, double> { ["large"] = 1, ["middle"] = 1, ["small"] = 2 }),
    };

    public static TheoryData<string> Ways => [.. ways.Keys];

    // Batches of 10: 100, 36 and 4 in a pass.
    private static SourcePlan Plan(SourceSampling sampling, long seed = 7, long? stepsPerEpoch = null) =>
        sampling.Plan([Source("large", 1000), Source("middle", 365), Source("small", 40)], batchSize: 10, seed, stepsPerEpoch);

    private static TensorSource Source(string name, long count, int? batchSize = null) =>
        new(name, zeros(count), zeros(count)) { BatchSize = batchSize };

    private static long[] Steps(SourcePlan plan, long steps)
    {
        var counts = new long[3];
        for (var step = 0L; step < steps; step++)
        {
            foreach (var draw in plan.At(step))
                counts[draw.Source]++;
        }

        return counts;
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Every_source_goes_through_its_batches_without_a_gap(string way)
    {
        using var scope = NewDisposeScope();
        var plan = Plan(ways[way]);
        var next = new long[3];
        for (var step = 0L; step < 3 * plan.StepsPerEpoch + 17; step++)
        {
            foreach (var draw in plan.At(step))
                draw.Batch.Should().Be(next[draw.Source]++);
        }

        // And the passes are counted from the same numbers: samples seen by samples there are.
        var passes = plan.Passes(3 * plan.StepsPerEpoch + 17);
        passes["large"].Should().BeApproximately(next[0] * 10 / 1000.0, 1e-12);
        passes["middle"].Should().BeApproximately(next[1] * 10 / 365.0, 1e-12);
        passes["small"].Should().BeApproximately(next[2] * 10 / 40.0, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_plan_that_begins_in_the_middle_goes_on_as_one_that_began_at_the_start(string way)
    {
        using var scope = NewDisposeScope();
        var whole = Plan(ways[way]);
        var from = whole.StepsPerEpoch + 29;
        var expected = Draws(whole, 0, whole.StepsPerEpoch * 3).Where(d => d.Step >= from);

        var resumed = Plan(ways[way]);
        Draws(resumed, from, whole.StepsPerEpoch * 3).Should().Equal(expected);

        static (long Step, SourceDraw Draw)[] Draws(SourcePlan plan, long from, long to) =>
            [.. Enumerable.Range((int)from, (int)(to - from)).SelectMany(step => plan.At(step).Select(draw => ((long)step, draw)))];
    }

    [Fact]
    public void All_sources_take_part_in_all_steps_of_an_epoch_of_the_largest()
    {
        using var scope = NewDisposeScope();
        var plan = Plan(SourceSampling.All);

        plan.StepsPerEpoch.Should().Be(100);
        plan.At(5).Should().Equal(new SourceDraw(0, 5), new SourceDraw(1, 5), new SourceDraw(2, 5));
        plan.Passes(plan.StepsPerEpoch)["small"].Should().Be(25);
    }

    [Fact]
    public void Sources_come_in_turn()
    {
        using var scope = NewDisposeScope();
        var plan = Plan(SourceSampling.RoundRobin);

        plan.StepsPerEpoch.Should().Be(140);
        Enumerable.Range(0, 5).SelectMany(step => plan.At(step)).Should()
            .Equal(new SourceDraw(0, 0), new SourceDraw(1, 0), new SourceDraw(2, 0), new SourceDraw(0, 1), new SourceDraw(1, 1));
    }

    [Fact]
    public void Proportional_steps_pass_every_source_once_in_an_epoch()
    {
        using var scope = NewDisposeScope();
        var plan = Plan(SourceSampling.Proportional);

        plan.StepsPerEpoch.Should().Be(140);
        Steps(plan, 140).Should().Equal(100, 36, 4);
        plan.Passes(140)["large"].Should().Be(1);
        plan.Passes(140)["small"].Should().Be(1);
    }

    [Fact]
    public void Temperature_lies_between_equal_and_proportional_steps()
    {
        using var scope = NewDisposeScope();

        // 140 steps by the roots 10, 6 and 2 of the batches: 77.8, 46.7 and 15.6.
        Steps(Plan(SourceSampling.Temperature(0.5)), 140).Should().Equal(78, 47, 15);
        Steps(Plan(SourceSampling.Temperature(0)), 140).Should().BeEquivalentTo([47, 47, 46]);
        Plan(SourceSampling.Temperature(0)).Passes(140)["small"].Should().BeGreaterThan(11);
        SourceSampling.Temperature(1).ToString().Should().Be(SourceSampling.Proportional.ToString());
    }

    [Fact]
    public void Fixed_weights_share_the_steps_and_leave_no_source_without_one()
    {
        using var scope = NewDisposeScope();
        Steps(Plan(ways["fixed"]), 140).Should().Equal(35, 35, 70);

        var rare = SourceSampling.Fixed(new Dictionary<string, double> { ["large"] = 1e6, ["middle"] = 1, ["small"] = 1 });
        Steps(Plan(rare, stepsPerEpoch: 20), 20).Should().Equal(18, 1, 1);
    }

    [Fact]
    public void The_order_is_shuffled_anew_in_each_epoch_and_by_each_seed()
    {
        using var scope = NewDisposeScope();
        int[] Order(SourcePlan plan, long from) => [.. Enumerable.Range(0, 140).Select(i => plan.At(from + i)[0].Source)];
        var plan = Plan(SourceSampling.Proportional);

        Order(plan, 140).Should().NotEqual(Order(plan, 0)).And.BeEquivalentTo(Order(plan, 0));
        Order(Plan(SourceSampling.Proportional, seed: 8), 0).Should().NotEqual(Order(plan, 0));

        // The four batches of the small source are spread: over many epochs their mean place is the middle.
        var places = Enumerable.Range(0, 400)
            .SelectMany(epoch => Order(plan, epoch * 140).Index().Where(s => s.Item == 2).Select(s => s.Index));
        places.Average().Should().BeApproximately(69.5, 4 * 40.4 / Math.Sqrt(1600));
    }

    [Fact]
    public void A_source_smaller_than_its_batch_counts_whole_passes()
    {
        using var scope = NewDisposeScope();
        var plan = SourceSampling.All.Plan([Source("a", 30), Source("b", 7, batchSize: 16)], batchSize: 10, seed: 0);

        plan.Passes(3).Should().Equal(new Dictionary<string, double> { ["a"] = 1, ["b"] = 3 });
    }

    [Fact]
    public void What_does_not_fit_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        var weights = SourceSampling.Fixed(new Dictionary<string, double> { ["large"] = 1, ["middle"] = 1 });

        weights.Invoking(way => Plan(way)).Should().Throw<MultiInputException>().WithMessage("Source 'small'*no weight*");
        weights.Invoking(way => way.Plan([Source("large", 5)], 1, 0))
            .Should().Throw<MultiInputException>().WithMessage("Source 'middle'*no such source*");
        FluentActions.Invoking(() => Plan(SourceSampling.Proportional, stepsPerEpoch: 2))
            .Should().Throw<MultiInputException>().WithMessage("*2 steps for 3 sources*");
        SourceSampling.All.Invoking(way => way.Plan([], 1, 0)).Should().Throw<MultiInputException>();
        FluentActions.Invoking(() => SourceSampling.Temperature(1.5)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => SourceSampling.Fixed(new Dictionary<string, double> { ["a"] = 0 }))
            .Should().Throw<ArgumentOutOfRangeException>();
    }
}
