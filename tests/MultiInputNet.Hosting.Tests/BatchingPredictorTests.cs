using static TorchSharp.torch;

namespace MultiInputNet.Hosting.Tests;

public sealed class BatchingPredictorTests : IDisposable
{
    private readonly MultiInputModel model = TestModel.Build();
    private readonly PausingPredictor inner = new(TestModel.Build());

    public void Dispose() => model.Dispose();

    [Fact]
    public async Task Samples_that_wait_for_the_model_go_through_it_together_and_get_their_own_answers()
    {
        await using var predictor = new BatchingPredictor(inner);
        var samples = Enumerable.Range(0, 9).Select(i => tensor(new double[] { i, i * i, -i }).view(1, 3)).ToArray();

        var first = await StartPausedAsync(predictor, samples[0]);
        var others = samples[1..].Select(sample => predictor.PredictBatchAsync(Plain(sample))).ToArray();
        predictor.QueueLength.Should().Be(8);
        inner.Sizes.Should().Equal(1);
        inner.Continue();

        foreach (var (sample, task) in samples.Zip([first, .. others]))
            (await task)["plain"].Single().Values.Should().Equal(TestModel.Expected(model, "plain", ("plain", sample)), Near);
        inner.Sizes.Should().Equal(1, 8);
    }

    [Fact]
    public async Task Only_samples_of_the_same_inputs_types_and_tasks_are_joined()
    {
        await using var predictor = new BatchingPredictor(inner);
        var (row, words) = (zeros(1, 3, ScalarType.Float64), zeros(1, 6, ScalarType.Int64));

        var first = await StartPausedAsync(predictor, row);
        Task[] others =
        [
            predictor.PredictBatchAsync(Plain(row)),
            predictor.PredictBatchAsync(new Dictionary<string, Tensor> { ["words"] = words }),
            predictor.PredictBatchAsync(Plain(row)),
            predictor.PredictBatchAsync(Plain(row.to(ScalarType.Float32))),
            predictor.PredictBatchAsync(Plain(row), ["plain"]),
            predictor.PredictBatchAsync(new Dictionary<string, Tensor> { ["words"] = words }),
            predictor.PredictBatchAsync(Plain(row)),
        ];
        inner.Continue();

        await Task.WhenAll([first, .. others]);
        inner.Sizes.Should().Equal(1, 3, 2, 1, 1);
    }

    [Fact]
    public async Task No_batch_is_larger_than_the_largest()
    {
        await using var predictor = new BatchingPredictor(inner, new() { LargestBatch = 4 });
        var ten = rand(10, 3);

        var first = await StartPausedAsync(predictor, zeros(1, 3));
        var waiting = predictor.PredictBatchAsync(Plain(ten));
        inner.Continue();

        (await waiting)["plain"].SelectMany(prediction => prediction.Values).Should().Equal(TestModel.Expected(model, "plain", ("plain", ten)), Near);
        await first;
        inner.Sizes.Should().Equal(1, 4, 4, 2);
    }

    [Fact]
    public async Task A_call_that_fails_harms_no_other()
    {
        await using var predictor = new BatchingPredictor(inner);
        inner.Fails = inputs => inputs["plain"].max().ToDouble() > 50;

        var first = await StartPausedAsync(predictor, zeros(1, 3));
        var good = predictor.PredictBatchAsync(Plain(ones(1, 3)));
        var bad = predictor.PredictBatchAsync(Plain(ones(1, 3) * 99));
        var alsoGood = predictor.PredictBatchAsync(Plain(ones(2, 3)));
        inner.Continue();

        await first;
        await FluentActions.Awaiting(() => bad).Should().ThrowAsync<InvalidOperationException>();
        (await good)["plain"].Should().HaveCount(1);
        (await alsoGood)["plain"].Should().HaveCount(2);
        inner.Sizes.Should().Equal([1, 4, 1, 1, 2], "the joined batch fails, and each is computed alone");
    }

    [Fact]
    public async Task A_sample_that_does_not_fit_is_refused_before_it_is_queued()
    {
        await using var predictor = new BatchingPredictor(inner);

        await predictor.Awaiting(p => p.PredictAsync("record", new Dictionary<string, string?> { ["age"] = "old", ["colour"] = "red" }))
            .Should().ThrowAsync<MultiInputException>();
        await predictor.Awaiting(p => p.PredictAsync("price", new Dictionary<string, string?> { ["age"] = "3", ["colour"] = "red" }))
            .Should().ThrowAsync<MultiInputException>().WithMessage("*'photo', 'record'*");

        inner.Sizes.Should().BeEmpty();
    }

    [Fact]
    public async Task A_cancelled_call_leaves_the_queue()
    {
        await using var predictor = new BatchingPredictor(inner);
        using var source = new CancellationTokenSource();

        var first = await StartPausedAsync(predictor, zeros(1, 3));
        var cancelled = predictor.PredictBatchAsync(Plain(zeros(5, 3)), null, source.Token);
        var kept = predictor.PredictBatchAsync(Plain(zeros(2, 3)));
        predictor.QueueLength.Should().Be(7);
        await source.CancelAsync();

        predictor.QueueLength.Should().Be(2);
        await FluentActions.Awaiting(() => cancelled).Should().ThrowAsync<OperationCanceledException>();
        inner.Continue();
        await Task.WhenAll(first, kept);
        inner.Sizes.Should().Equal(1, 2);
    }

    [Fact]
    public async Task A_cancelled_call_leaves_room_for_another()
    {
        await using var predictor = new BatchingPredictor(inner, new() { LargestBatch = 2, QueueLimit = 6 });
        using var source = new CancellationTokenSource();

        var first = await StartPausedAsync(predictor, zeros(1, 3));
        var cancelled = predictor.PredictBatchAsync(Plain(zeros(5, 3)), null, source.Token);
        await source.CancelAsync();
        var fits = predictor.PredictBatchAsync(Plain(zeros(6, 3)));
        inner.Continue();

        await FluentActions.Awaiting(() => cancelled).Should().ThrowAsync<OperationCanceledException>();
        (await fits)["plain"].Should().HaveCount(6);
        await first;
        inner.Sizes.Should().Equal([1, 2, 2, 2], "all three parts of the cancelled call are gone");
    }

    [Fact]
    public async Task A_call_that_the_model_computes_already_is_not_cancelled()
    {
        await using var predictor = new BatchingPredictor(inner);
        using var source = new CancellationTokenSource();

        inner.Pause();
        var computed = predictor.PredictBatchAsync(Plain(zeros(1, 3)), null, source.Token);
        await inner.ReachedAsync();
        await source.CancelAsync();
        inner.Continue();

        (await computed)["plain"].Should().HaveCount(1);
        await predictor.Awaiting(p => p.PredictBatchAsync(Plain(zeros(1, 3)), null, source.Token)).Should().ThrowAsync<OperationCanceledException>();
        inner.Sizes.Should().Equal([1], "a call with a cancelled token is not queued");
    }

    /// <summary>After a batch of many calls the thread waits for as many again, and one that comes alone does not wake it.</summary>
    [Fact]
    public async Task A_call_that_comes_alone_after_many_is_answered_and_so_is_one_after_it()
    {
        await using var predictor = new BatchingPredictor(inner, new() { LongestWait = TimeSpan.FromMilliseconds(50) });
        await AnswerManyAsync(predictor);

        for (var i = 0; i < 3; i++)
            (await predictor.PredictBatchAsync(Plain(zeros(1, 3))).WaitAsync(TimeSpan.FromMinutes(1)))["plain"].Should().HaveCount(1);
    }

    [Fact]
    public async Task When_all_that_wait_for_others_are_cancelled_the_next_call_is_answered()
    {
        await using var predictor = new BatchingPredictor(inner, new() { LongestWait = TimeSpan.FromMilliseconds(50) });
        await AnswerManyAsync(predictor);
        using var source = new CancellationTokenSource();

        Task[] cancelled = [predictor.PredictBatchAsync(Plain(zeros(1, 3)), null, source.Token), predictor.PredictBatchAsync(Plain(zeros(1, 3)), null, source.Token)];
        await source.CancelAsync();

        foreach (var call in cancelled)
            await FluentActions.Awaiting(() => call).Should().ThrowAsync<OperationCanceledException>();
        predictor.QueueLength.Should().Be(0);
        (await predictor.PredictBatchAsync(Plain(zeros(1, 3))).WaitAsync(TimeSpan.FromMinutes(1)))["plain"].Should().HaveCount(1);
    }

    /// <summary>Many callers at once, each of which leaves or stays as its turn has it, so that calls and cancellations meet in every order.</summary>
    [Fact]
    public async Task Calls_that_come_and_go_at_once_are_all_answered_or_cancelled()
    {
        await using var predictor = new BatchingPredictor(inner, new() { LargestBatch = 5 });
        var answered = 0;

        await Parallel.ForAsync(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, cancellationToken) =>
        {
            using var source = new CancellationTokenSource();
            var call = predictor.PredictBatchAsync(Plain(full([1, 3], i, ScalarType.Float32)), null, source.Token);
            for (var turns = i % 7; i % 2 == 1 && turns > 0; turns--)
                await Task.Yield();
            if (i % 2 == 1)
                await source.CancelAsync();
            try
            {
                (await call.WaitAsync(TimeSpan.FromMinutes(1), cancellationToken))["plain"].Single().Values.Should().Equal(TestModel.Expected(model, "plain", ("plain", full([1, 3], i, ScalarType.Float32))), Near);
                Interlocked.Increment(ref answered);
            }
            catch (OperationCanceledException) when (i % 2 == 1)
            {
                // The call was still waiting.
            }
        });

        predictor.QueueLength.Should().Be(0);
        answered.Should().BeGreaterThanOrEqualTo(200);
        inner.Sizes.Sum().Should().Be(answered, "nothing is computed for those that left the queue");
    }

    [Fact]
    public async Task A_full_queue_refuses()
    {
        await using var predictor = new BatchingPredictor(inner, new() { QueueLimit = 3 });

        var first = await StartPausedAsync(predictor, zeros(1, 3));
        var waiting = predictor.PredictBatchAsync(Plain(zeros(2, 3)));
        await predictor.Awaiting(p => p.PredictBatchAsync(Plain(zeros(2, 3)))).Should().ThrowAsync<QueueFullException>().WithMessage("2 samples wait*2 more*limit of 3*");
        await predictor.Awaiting(p => p.PredictBatchAsync(Plain(zeros(2, 3)), null, new CancellationToken(canceled: true))).Should().ThrowAsync<OperationCanceledException>();
        var fits = predictor.PredictBatchAsync(Plain(zeros(1, 3)));
        inner.Continue();

        await Task.WhenAll(first, waiting, fits);
    }

    [Fact]
    public async Task What_was_accepted_is_answered_before_the_predictor_is_disposed_of()
    {
        var predictor = new BatchingPredictor(inner);
        var first = await StartPausedAsync(predictor, zeros(1, 3));
        var waiting = predictor.PredictBatchAsync(Plain(zeros(2, 3)));

        var disposed = predictor.DisposeAsync().AsTask();

        await predictor.Awaiting(p => p.PredictBatchAsync(Plain(zeros(1, 3)))).Should().ThrowAsync<ObjectDisposedException>();
        (disposed.IsCompleted || inner.IsDisposed).Should().BeFalse();
        inner.Continue();
        await Task.WhenAll(first, waiting, disposed);
        inner.IsDisposed.Should().BeTrue();
        predictor.Dispose();
    }

    [Fact]
    public async Task Many_threads_at_once_get_the_model_s_answers()
    {
        await using var predictor = new BatchingPredictor(inner, new() { LargestBatch = 7 });
        var samples = rand(200, 3);
        var expected = TestModel.Expected(model, "plain", ("plain", samples));

        var answers = new IReadOnlyList<double>[200];
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i => answers[i] = predictor.PredictBatch(Plain(samples[i].unsqueeze(0)))["plain"].Single().Values);

        answers.SelectMany(values => values).Should().Equal(expected, Near);
        inner.Sizes.Sum().Should().Be(200);
        inner.Sizes.Should().OnlyContain(size => size <= 7);
    }

    [Fact]
    public async Task A_batch_or_sample_that_does_not_exist_is_named()
    {
        await using var predictor = new BatchingPredictor(TestModel.Build());
        var gone = zeros(1, 3);
        gone.Dispose();

        predictor.Invoking(p => p.PredictBatch(Plain(gone))).Should().Throw<MultiInputException>().WithMessage("Input 'plain'*was disposed of*");
        predictor.Invoking(p => p.PredictBatch(Plain(null!))).Should().Throw<MultiInputException>().WithMessage("Input 'plain'*is null*");
        await predictor.Awaiting(p => p.PredictBatchAsync(Plain(gone))).Should().ThrowAsync<MultiInputException>().WithMessage("Input 'plain'*was disposed of*");
        await predictor.Awaiting(p => p.PredictTasksAsync(new Dictionary<string, InputValue> { ["plain"] = null! })).Should().ThrowAsync<MultiInputException>().WithMessage("Input 'plain'*is null*");
        predictor.PredictBatch(Plain(zeros(1, 3)))["plain"].Should().ContainSingle();
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        FluentActions.Invoking(() => new BatchingOptions { LargestBatch = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*at least 1*");
        FluentActions.Invoking(() => new BatchingOptions { QueueLimit = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*at least 1*");
        FluentActions.Invoking(() => new BatchingOptions { LongestWait = TimeSpan.FromHours(1) }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*one minute*");
        FluentActions.Invoking(() => new MultiInputPredictorOptions { LargestRequest = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*at least 1*");
        FluentActions.Invoking(() => new MultiInputPredictorOptions { LargestImage = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*at least 1*");
    }

    private static Dictionary<string, Tensor> Plain(Tensor batch) => new() { ["plain"] = batch };

    /// <summary>Has five calls answered in two batches, so that the last was one of four.</summary>
    private async Task AnswerManyAsync(BatchingPredictor predictor)
    {
        var first = await StartPausedAsync(predictor, zeros(1, 3));
        var others = Enumerable.Range(0, 4).Select(_ => predictor.PredictBatchAsync(Plain(zeros(1, 3)))).ToArray();
        inner.Continue();
        await Task.WhenAll([first, .. others]);
        inner.Sizes.Should().Equal(1, 4);
    }

    /// <summary>Gives the model a first sample and holds it there, so that what comes next has to wait.</summary>
    private async Task<Task<IReadOnlyDictionary<string, IReadOnlyList<Prediction>>>> StartPausedAsync(BatchingPredictor predictor, Tensor sample)
    {
        inner.Pause();
        var first = predictor.PredictBatchAsync(Plain(sample));
        await inner.ReachedAsync();
        return first;
    }

    private static bool Near(double found, double expected) => Math.Abs(found - expected) < 1e-5;
}
