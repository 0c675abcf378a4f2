using MultiInputNet.Training;

namespace MultiInputNet.Tests.Training;

public sealed class LearningRateScheduleTests
{
    private static double[] Factors(LearningRateSchedule schedule, int steps) =>
        [.. Enumerable.Range(0, steps).Select(step => schedule.Factor(step, steps))];

    [Fact]
    public void One_cycle_gives_the_rates_of_PyTorch()
    {
        var cases = Fixture.ReadJson("training.json").GetProperty("one_cycle").EnumerateArray().ToArray();
        cases.Should().HaveCount(4);
        foreach (var expected in cases)
        {
            var schedule = LearningRateSchedule.OneCycle(
                expected.GetProperty("pct_start").GetDouble(),
                expected.GetProperty("div_factor").GetDouble(),
                expected.GetProperty("final_div_factor").GetDouble(),
                expected.GetProperty("three_phase").GetBoolean());
            var factors = Factors(schedule, expected.GetProperty("steps").GetInt32());
            foreach (var (actual, factor) in factors.Zip(expected.Numbers("factors")))
                actual.Should().BeApproximately(factor, 1e-12);
        }
    }

    [Fact]
    public void Warmup_cosine_rises_linearly_and_falls_to_its_floor()
    {
        var factors = Factors(LearningRateSchedule.WarmupCosine(warmupShare: 0.2, floor: 0.1), 20);

        factors[..4].Should().Equal(0.25, 0.5, 0.75, 1);
        factors[4].Should().Be(1);
        factors[12].Should().BeApproximately(0.55, 1e-12);
        factors[19].Should().BeApproximately(0.1 + 0.9 * 0.5 * (1 + Math.Cos(Math.PI * 15 / 16)), 1e-12);
    }

    [Fact]
    public void Constant_stays_behind_its_warm_up()
    {
        Factors(LearningRateSchedule.Constant(), 3).Should().Equal(1, 1, 1);
        Factors(LearningRateSchedule.Constant(0.5), 4).Should().Equal(0.5, 1, 1, 1);
    }

    [Fact]
    public void Steps_go_down_after_each_share()
    {
        Factors(LearningRateSchedule.Step(1.0 / 3, gamma: 0.5), 9).Should().Equal(1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25);
        Factors(LearningRateSchedule.Step(0.5, gamma: 0.5, warmupShare: 0.25), 8).Should().Equal(0.5, 1, 1, 1, 0.5, 0.5, 0.5, 0.5);
        Factors(LearningRateSchedule.Step(0.1, gamma: 0.5), 3).Should().Equal(1, 0.5, 0.25);
    }

    [Fact]
    public void Every_schedule_stays_between_nothing_and_the_peak_for_any_number_of_steps()
    {
        LearningRateSchedule[] schedules =
        [
            LearningRateSchedule.Constant(1), LearningRateSchedule.WarmupCosine(0), LearningRateSchedule.WarmupCosine(1, 1),
            LearningRateSchedule.OneCycle(), LearningRateSchedule.OneCycle(0), LearningRateSchedule.OneCycle(1),
            LearningRateSchedule.OneCycle(0.3, threePhase: true),
            LearningRateSchedule.OneCycle(0.9, threePhase: true), LearningRateSchedule.Step(0.01), LearningRateSchedule.Step(1),
        ];
        foreach (var schedule in schedules)
        {
            for (var steps = 1; steps < 25; steps++)
                Factors(schedule, steps).Should().OnlyContain(factor => factor >= 0 && factor <= 1, $"{schedule} of {steps} steps");
        }
    }

    [Fact]
    public void Schedules_are_compared_by_their_numbers_which_their_text_has()
    {
        LearningRateSchedule.WarmupCosine().ToString().Should().Be(LearningRateSchedule.WarmupCosine(0.05).ToString());
        LearningRateSchedule.WarmupCosine().ToString().Should().NotBe(LearningRateSchedule.WarmupCosine(0.1).ToString());
    }

    [Fact]
    public void Numbers_out_of_their_range_are_refused()
    {
        FluentActions.Invoking(() => LearningRateSchedule.Constant(1.1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => LearningRateSchedule.WarmupCosine(0.1, -1)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => LearningRateSchedule.OneCycle(divFactor: 0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => LearningRateSchedule.Step(0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => LearningRateSchedule.Constant().Factor(5, 5)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => LearningRateSchedule.Constant().Factor(-1, 5)).Should().Throw<ArgumentOutOfRangeException>();
    }
}
