using Microsoft.Extensions.Logging;
using MultiInputNet.Logging;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;

namespace MultiInputNet.Tests.Logging;

public sealed class TrainingLoggerTests
{
    [Fact]
    public void A_training_is_logged_with_its_values_by_name_and_handed_on()
    {
        var folder = Directory.CreateTempSubdirectory();
        var logger = new Memory();
        var steps = 0;
        using var model = TrainingProblem.Build();
        var progress = new TrainingLogger(logger, new Now(_ => steps++)) { MostPasses = 2.5 };
        var history = new Trainer(model, TrainingProblem.Options with { Checkpoints = new(folder.FullName) })
            .Fit(TrainingProblem.Sources(), TrainingProblem.Sources(), progress);
        folder.Delete(recursive: true);

        steps.Should().Be(15);
        logger.Entries.Count(entry => entry.Level == LogLevel.Debug).Should().Be(2 * 15, "each of two tasks has a loss in each step");
        logger.Entries.Count(entry => entry.Text.Contains("checkpoint '")).Should().Be(3);
        logger.Entries.Where(entry => entry.Values.ContainsKey("Source")).Select(entry => (entry.Level, entry.Values["Source"]))
            .Should().Equal((LogLevel.Warning, "image"), (LogLevel.Warning, "table"));
        history.Warnings.Should().NotBeEmpty();
        logger.Entries.Where(entry => entry.Values.ContainsKey("Warning")).Select(entry => (entry.Level, entry.Text))
            .Should().Equal(history.Warnings.Select(warning => (LogLevel.Warning, warning)));
        var validation = logger.Entries.Last(entry => entry.Text.Contains("validation loss of task 'table'"));
        validation.Level.Should().Be(LogLevel.Information);
        validation.Values["Metric"].Should().Be("rmse");
        validation.Values["Value"].Should().Be(history.Epochs[^1].Validation["table"].PrimaryValue);
        logger.Entries.Should().Contain(entry => entry.Text.StartsWith("Epoch 2 of 3, phase 1: training loss of task 'image' "));
    }

    private sealed class Memory : ILogger
    {
        public List<(LogLevel Level, string Text, Dictionary<string, object?> Values)> Entries { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Entries.Add((logLevel, formatter(state, exception), new((IEnumerable<KeyValuePair<string, object?>>)state!)));
    }
}
