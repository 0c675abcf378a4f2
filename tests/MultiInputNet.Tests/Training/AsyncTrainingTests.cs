using MultiInputNet.Data;
using MultiInputNet.Tests.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>Trainings on a thread of their own, compared with those on the caller's.</summary>
public sealed class AsyncTrainingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_training_on_a_thread_of_its_own_gives_the_same_to_the_bit()
    {
        using var expected = TrainingProblem.Build();
        var (sources, validation) = (TrainingProblem.Sources(), TrainingProblem.Sources(20));
        var history = new Trainer(expected, TrainingProblem.Options).Fit(sources, validation);
        using var model = TrainingProblem.Build();
        var threads = new HashSet<(int Id, bool IsOfPool)>();

        Task<TrainingHistory> training;
        using (no_grad())
            training = new Trainer(model, TrainingProblem.Options).FitAsync(sources, validation, new Now(_ => threads.Add((Environment.CurrentManagedThreadId, Thread.CurrentThread.IsThreadPoolThread))));

        (await training).ToString().Should().Be(history.ToString());
        model.ShouldHave(TrainingProblem.Weights(expected));
        threads.Should().ContainSingle().Which.IsOfPool.Should().BeFalse("a training would hold it for long");
        model.training.Should().BeFalse();
    }

    [Fact]
    public async Task A_training_that_is_stopped_cancels_its_task_and_resumes()
    {
        using var expected = TrainingProblem.Build();
        var sources = TrainingProblem.Sources();
        new Trainer(expected, TrainingProblem.Options).Fit(sources);
        var options = TrainingProblem.Options with { Checkpoints = new(folder["checkpoints"]) };
        using var model = TrainingProblem.Build();
        using var stop = new CancellationTokenSource();

        var training = new Trainer(model, options).FitAsync(
            sources, progress: new Now(progress => { if (progress.Step == 3) stop.Cancel(); }), cancellationToken: stop.Token);

        (await FluentActions.Awaiting(() => training).Should().ThrowAsync<OperationCanceledException>()).WithMessage("*Resume continues it.");
        training.IsCanceled.Should().BeTrue();
        using var other = TrainingProblem.Build(seed: 9);
        await new Trainer(other, options).ResumeAsync(sources);
        other.ShouldHave(TrainingProblem.Weights(expected));
    }

    [Fact]
    public async Task What_is_wrong_with_a_training_is_in_its_task()
    {
        using var model = TrainingProblem.Build();
        var trainer = new Trainer(model);
        TensorSource[] wrong = [new("other", zeros(4, 2), zeros(4, 1))];

        var (training, resumed) = (trainer.FitAsync(wrong), trainer.ResumeAsync(wrong));

        (await FluentActions.Awaiting(() => training).Should().ThrowAsync<MultiInputException>())
            .WithMessage(trainer.Invoking(its => its.Fit(wrong)).Should().Throw<MultiInputException>().Which.Message);
        await FluentActions.Awaiting(() => resumed).Should().ThrowAsync<InvalidOperationException>("no folder of checkpoints is named");
    }
}
