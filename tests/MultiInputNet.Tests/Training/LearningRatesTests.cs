using MultiInputNet.Training;

namespace MultiInputNet.Tests.Training;

public sealed class LearningRatesTests
{
    [Fact]
    public void Warm_up_rises_linearly_and_half_a_cosine_falls()
    {
        var rates = Enumerable.Range(0, 10).Select(step => LearningRates.WarmupCosine(step, steps: 10, warmupSteps: 4, peak: 2)).ToArray();

        rates[..4].Should().Equal(0.5, 1, 1.5, 2);
        rates[4].Should().Be(2);
        rates[7].Should().BeApproximately(1, 1e-12, "it is half way down the cosine");
        rates[9].Should().BeApproximately(1 + Math.Cos(Math.PI * 5 / 6), 1e-12);
    }

    [Theory]
    [InlineData(-1, 10, 0)]
    [InlineData(10, 10, 0)]
    [InlineData(0, 10, 11)]
    [InlineData(0, 10, -1)]
    public void Steps_outside_the_schedule_are_refused(long step, long steps, long warmup) =>
        FluentActions.Invoking(() => LearningRates.WarmupCosine(step, steps, warmup, 1)).Should().Throw<ArgumentOutOfRangeException>();
}
