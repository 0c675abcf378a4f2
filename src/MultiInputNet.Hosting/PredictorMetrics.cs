using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MultiInputNet.Hosting;

/// <summary>The instruments of the meter <c>MultiInputNet.Hosting</c>.</summary>
internal sealed class PredictorMetrics
{
    public const string MeterName = "MultiInputNet.Hosting";

    private static readonly InstrumentAdvice<int> sizes = new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256] };

    // Those that OpenTelemetry recommends for requests.
    private static readonly InstrumentAdvice<double> seconds = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };

    private readonly Counter<long> requests;
    private readonly Counter<long> failures;
    private readonly Counter<long> samples;
    private readonly Histogram<double> requestDuration;
    private readonly Histogram<int> batchSize;
    private readonly Histogram<double> batchDuration;

    public PredictorMetrics(IMeterFactory factory, BatchingPredictor predictor)
    {
        var meter = factory.Create(MeterName);
        requests = meter.CreateCounter<long>("multiinputnet.requests", "{request}", "Requests for predictions, those that failed included.");
        failures = meter.CreateCounter<long>("multiinputnet.request.failures", "{request}", "Requests for predictions that failed, by error.type.");
        requestDuration = meter.CreateHistogram("multiinputnet.request.duration", "s", "Time from a request's arrival to its answer.", advice: seconds);
        samples = meter.CreateCounter<long>("multiinputnet.samples", "{sample}", "Samples that were answered.");
        batchSize = meter.CreateHistogram("multiinputnet.batch.size", "{sample}", "Samples that went through the model together.", advice: sizes);
        batchDuration = meter.CreateHistogram("multiinputnet.batch.duration", "s", "Time that the model took for a batch.", advice: seconds);
        meter.CreateObservableUpDownCounter("multiinputnet.queue.length", () => predictor.QueueLength, "{sample}", "Samples that wait for the model.");
        predictor.BatchDone = (size, time) =>
        {
            batchSize.Record(size);
            batchDuration.Record(time.TotalSeconds);
        };
    }

    /// <summary>Counts a request.</summary>
    /// <param name="task">The task; null if it is unknown, so that requests cannot make up any number of series.</param>
    /// <param name="count">The samples that were answered.</param>
    /// <param name="error">The kind of failure; null for none.</param>
    /// <param name="time">How long it took.</param>
    public void Count(string? task, int count, string? error, TimeSpan time)
    {
        var tags = new TagList();
        if (task is not null)
            tags.Add("multiinputnet.task", task);
        requests.Add(1, tags);
        samples.Add(count, tags);
        if (error is not null)
        {
            tags.Add("error.type", error);
            failures.Add(1, tags);
        }

        requestDuration.Record(time.TotalSeconds, tags);
    }
}
