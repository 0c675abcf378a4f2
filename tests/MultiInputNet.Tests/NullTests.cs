using MultiInputNet.Data;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Nulls among what is given, and tensors that were disposed of, are refused by name wherever they can be given.</summary>
public sealed class NullTests
{
    private static readonly Dictionary<string, Action<MultiInputModel, Tensor, Tensor?>> Mistakes = new()
    {
        ["a batch"] = (model, _, wrong) => model.forward(wrong!, "image"),
        ["a batch in a dictionary"] = (model, _, wrong) => model.forward(new Dictionary<string, Tensor> { ["image"] = wrong! }),
        ["a batch for features"] = (model, _, wrong) => model.forward_features(new Dictionary<string, Tensor> { ["image"] = wrong! }),
        ["a source's samples"] = (_, _, wrong) => _ = new TensorSource("image", wrong!, zeros(4, ScalarType.Int64)),
        ["a source's labels"] = (_, samples, wrong) => new TensorSource("image", samples, wrong!).ToString(),
        ["what an augmentation gives"] = (model, samples, wrong) => new Trainer(model).Fit([Source(samples, batch => wrong!)]),
        ["samples of a source that is trained on"] = (model, samples, _) =>
        {
            var own = samples.clone();
            var source = Source(own);
            own.Dispose();
            new Trainer(model).Fit([source]);
        },
        ["labels of a source that is evaluated"] = (model, samples, _) =>
        {
            var labels = zeros(4, ScalarType.Int64);
            var source = new TensorSource("image", samples, labels);
            labels.Dispose();
            new Trainer(model).Evaluate([source]);
        },
        ["a batch of another size from an augmentation"] = (model, samples, _) => new Trainer(model).Fit([Source(samples, batch => batch[..3])]),
        ["samples that a source does not have"] = (_, samples, _) => Source(samples).Read([4]),
        ["a source"] = (model, _, _) => new Trainer(model).Fit([null!]),
        ["a source for the validation"] = (model, samples, _) => new Trainer(model).Fit([Source(samples)], [null!]),
        ["a source to evaluate"] = (model, _, _) => new Trainer(model).Evaluate([null!]),
        ["a model"] = (_, _, _) => _ = new Trainer(null!),
        ["a part to freeze"] = (model, _, _) => model.Freeze(null!, Parts.Base),
        ["a part to unfreeze"] = (model, _, _) => model.Unfreeze(Parts.Base, null!),
        ["a part not to freeze"] = (model, _, _) => model.FreezeAllBut([null!]),
        ["a part of a stage"] = (_, _, _) => _ = new TrainingPhase(1, [null!]),
        ["a stage"] = (_, _, _) => _ = new TrainerOptions { Phases = [null!] },
        ["a class name"] = (_, _, _) => MultiInputModel.Define().Input("a", Inputs.Tabular(2)).Base(Bases.ConvNet(4))
            .Task("a", Heads.Classification(2) with { ClassNames = ["yes", null!] }).Build(CPU),
    };

    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (var name in Mistakes.Keys)
            {
                cases.Add(name, false);
                cases.Add(name, true);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Is_refused_before_anything_is_changed(string what, bool disposed)
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var before = TrainingProblem.Weights(model);
        var gone = zeros(4, 2, 6, 6);
        gone.Dispose();

        var thrown = FluentActions.Invoking(() => Mistakes[what](model, zeros(4, 2, 6, 6), disposed ? gone : null)).Should().Throw<Exception>(what).Which;

        (thrown is MultiInputException or ArgumentException).Should().BeTrue($"it is {thrown}");
        model.ShouldHave(before);
        model.IsFrozen(Parts.Base).Should().BeFalse();
    }

    private static TensorSource Source(Tensor samples, Func<Tensor, Tensor>? augment = null) =>
        new("image", samples, zeros(4, ScalarType.Int64)) { Augment = augment is null ? null : (_, batch) => augment(batch) };
}
