using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;

namespace MultiInputNet.Hosting.Tests;

public sealed class OperationTests
{
    private static readonly double[] row = [1, 2, 3];

    [Fact]
    public async Task When_the_program_stops_requests_in_flight_are_answered_and_new_ones_refused()
    {
        var (served, inner) = await StartAsync();
        await using var _ = served;
        using var idle = new HttpClient { BaseAddress = served.Client.BaseAddress };
        inner.Pause();
        var inFlight = served.PostAsync("/predict/plain", row);
        await inner.ReachedAsync();

        var stopping = served.App.StopAsync();
        var refused = await FluentActions.Awaiting(() => idle.PostAsJsonAsync("/predict/plain", row)).Should().ThrowAsync<HttpRequestException>();
        (stopping.IsCompleted || inner.IsDisposed).Should().BeFalse();
        inner.Continue();

        (await inFlight).GetProperty("values").GetArrayLength().Should().Be(2);
        await stopping;
        await served.App.DisposeAsync();
        inner.IsDisposed.Should().BeTrue();
        refused.Which.HttpRequestError.Should().Be(HttpRequestError.ConnectionError);
    }

    [Fact]
    public async Task A_program_that_was_told_to_stop_answers_503_where_connections_are_open()
    {
        var (served, inner) = await StartAsync();
        await using var _ = served;
        served.App.Lifetime.StopApplication();

        using var refused = await served.Client.PostAsJsonAsync("/predict/plain", row);

        refused.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        refused.Headers.RetryAfter!.ToString().Should().Be("1");
        (await refused.Content.ReadAsStringAsync()).Should().Contain("The program is stopping.");
        inner.Sizes.Should().Equal(1);
    }

    [Fact]
    public async Task A_full_queue_answers_503_and_when_to_try_again()
    {
        var (served, inner) = await StartAsync(options => options.Batching = new() { QueueLimit = 2 });
        await using var _ = served;
        inner.Pause();
        var first = served.PostAsync("/predict/plain", row);
        await inner.ReachedAsync();
        var waiting = served.PostAsync("/predict/plain", new[] { row, row });
        await WaitAsync(() => Predictor(served).QueueLength == 2);

        using var refused = await served.Client.PostAsJsonAsync("/predict/plain", row);
        var health = await served.Client.GetStringAsync(new Uri("/health", UriKind.Relative));
        inner.Continue();

        refused.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        refused.Headers.RetryAfter!.ToString().Should().Be("1");
        refused.Content.Headers.ContentType!.MediaType.Should().Be("application/problem+json");
        health.Should().Be("Degraded");
        await Task.WhenAll(first, waiting);
    }

    [Fact]
    public async Task A_client_that_leaves_takes_its_samples_along()
    {
        var (served, inner) = await StartAsync();
        await using var _ = served;
        inner.Pause();
        var first = served.PostAsync("/predict/plain", row);
        await inner.ReachedAsync();
        using var source = new CancellationTokenSource();
        var leaving = served.Client.PostAsJsonAsync("/predict/plain", row, source.Token);
        await WaitAsync(() => Predictor(served).QueueLength == 1);

        await source.CancelAsync();
        await WaitAsync(() => Predictor(served).QueueLength == 0);
        inner.Continue();

        await first;
        await FluentActions.Awaiting(() => leaving).Should().ThrowAsync<OperationCanceledException>();
        inner.Sizes.Should().Equal(1, 1);
    }

    [Fact]
    public async Task A_model_that_fails_answers_500_without_saying_why()
    {
        var (served, inner) = await StartAsync();
        await using var _ = served;
        inner.Fails = _ => true;

        var problem = await served.PostAsync("/predict/plain", row, 500);

        problem.ToString().Should().NotContain("secret").And.Contain("log");
    }

    [Fact]
    public async Task Requests_samples_batches_and_failures_are_measured()
    {
        var (served, _) = await StartAsync();
        await using var _1 = served;
        var factory = served.App.Services.GetRequiredService<IMeterFactory>();
        var measured = new List<(string Name, string? Unit, double Value, string Tags)>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "MultiInputNet.Hosting" && instrument.Meter.Scope == factory)
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        void Record(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            lock (measured)
                measured.Add((instrument.Name, instrument.Unit, value, string.Join(" ", tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))));
        }

        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Record(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Record(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Record(instrument, value, tags));
        listener.Start();

        await served.PostAsync("/predict/plain", new[] { row, row, row });
        await served.PostAsync("/predict/plain", "text", 400);
        await served.PostAsync("/predict/anything", row, 404);
        await WaitAsync(() =>
        {
            lock (measured)
                return measured.Count(each => each.Name == "multiinputnet.request.duration") == 3;
        });
        listener.RecordObservableInstruments();

        measured.Where(each => !each.Name.EndsWith("duration", StringComparison.Ordinal)).Should().Equal(
            ("multiinputnet.batch.size", "{sample}", 3, ""),
            ("multiinputnet.requests", "{request}", 1, "multiinputnet.task=plain"),
            ("multiinputnet.samples", "{sample}", 3, "multiinputnet.task=plain"),
            ("multiinputnet.requests", "{request}", 1, "multiinputnet.task=plain"),
            ("multiinputnet.samples", "{sample}", 0, "multiinputnet.task=plain"),
            ("multiinputnet.request.failures", "{request}", 1, "multiinputnet.task=plain error.type=invalid_input"),
            ("multiinputnet.requests", "{request}", 1, ""),
            ("multiinputnet.samples", "{sample}", 0, ""),
            ("multiinputnet.request.failures", "{request}", 1, "error.type=unknown_task"),
            ("multiinputnet.queue.length", "{sample}", 0, ""));
        measured.Where(each => each.Name.EndsWith("duration", StringComparison.Ordinal)).Should().OnlyContain(each => each.Unit == "s" && each.Value > 0);
    }

    private static async Task<(ServedModel Served, PausingPredictor Inner)> StartAsync(Action<MultiInputPredictorOptions>? configure = null)
    {
        var inner = new PausingPredictor(TestModel.Build());
        var served = await ServedModel.StartAsync(inner, configure);

        // The sample of zeros at the start.
        await inner.ReachedAsync();
        inner.Sizes.Should().Equal(1);
        return (served, inner);
    }

    private static BatchingPredictor Predictor(ServedModel served) => served.App.Services.GetRequiredService<BatchingPredictor>();

    private static async Task WaitAsync(Func<bool> condition)
    {
        for (var i = 0; !condition(); i++)
        {
            i.Should().BeLessThan(6000, "it happens within a minute");
            await Task.Delay(10);
        }
    }
}
