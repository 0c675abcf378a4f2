using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training.Balancing;

/// <summary>A step that comes in several batches is balanced as one that comes in one.</summary>
public sealed class AccumulationTests
{
    public static TheoryData<string> Methods => ["equal", "uncertainty", "average"];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Accumulated_batches_are_balanced_as_one_batch(string method)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var (images, rows) = (randn(32, 2, 6, 6), randn(32, 5));
        DataSource[] sources = [new TensorSource("image", images, randint(3, [32]).to(ScalarType.Int64)), new TensorSource("table", rows, rows[.., ..1] * 2)];
        var options = new TrainerOptions
        {
            Epochs = 6,
            Optimizer = Optimizers.Sgd(0),
            LearningRate = 0.2,
            Schedule = LearningRateSchedule.Constant(),
            GradientClip = double.PositiveInfinity,
            Balancing = method switch
            {
                "uncertainty" => LossBalancing.Uncertainty(),
                "average" => LossBalancing.DynamicWeightAverage(),
                _ => LossBalancing.Equal,
            },
        };

        var whole = Train(options with { BatchSize = 32 });
        var parts = Train(options with { BatchSize = 8, AccumulatedBatches = 4 });

        foreach (var (name, value) in whole)
            parts[name].ShouldEqual(value, 2e-4, name);

        Dictionary<string, Tensor> Train(TrainerOptions its)
        {
            using var model = MultiInputModel.Define()
                .Input("image", Inputs.Image(2, 6, 6))
                .Input("table", Inputs.Tabular(5))
                .Base(Bases.ConvNet(6, 8))
                .Task("image", Heads.Classification(3))
                .Task("table", Heads.Regression(1))
                .Build(CPU, seed: 3);
            new Trainer(model, its).Fit(sources);
            return TrainingProblem.Weights(model);
        }
    }

    [Fact]
    public void GradNorm_takes_a_batch_with_few_of_a_step_s_labels_for_no_fast_task()
    {
        using var scope = NewDisposeScope();
        using var whole = LossBalancing.GradNorm().Create(["one", "two"]);
        using var part = LossBalancing.GradNorm().Create(["one", "two"]);
        for (var step = 0; step < 5; step++)
        {
            var (one, two, shared) = Losses(step);
            whole.Backward([("one", one), ("two", two)], [shared], step);
            (one, two, shared) = Losses(step);
            part.BackwardPart([("one", one, step == 2 ? 0.1 : 1), ("two", two, 0.5)], [shared], step);
        }

        foreach (var (task, weight) in whole.Weights)
            part.Weights[task].Should().BeApproximately(weight, 1e-6, task);
        whole.Weights["one"].Should().NotBeApproximately(1, 1e-2);

        static (Tensor One, Tensor Two, TorchSharp.Modules.Parameter Shared) Losses(int step)
        {
            var shared = new TorchSharp.Modules.Parameter(ones(2, 2));
            return ((shared * 3).square().sum() / (1 + step), (shared + 1).square().sum(), shared);
        }
    }
}
