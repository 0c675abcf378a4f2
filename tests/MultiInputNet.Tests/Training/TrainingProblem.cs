using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>A small problem to train on: two inputs with batch normalisation and dropout on the way, and labels that follow from the samples.</summary>
internal static class TrainingProblem
{
    public static MultiInputModel Build(Normalization normalization = Normalization.Batch, int seed = 1)
    {
        random.manual_seed(seed);
        return MultiInputModel.Define()
            .Input("image", Inputs.Image(2, 6, 6), Projections.Convolution(Normalization.Group, Activation.ReLU))
            .Input("table", Inputs.Tabular(5))
            .Base(Bases.ConvNet(6, 8, 12) with { Normalization = normalization })
            .Task("image", Heads.Classification(3, labelSmoothing: 0.1, dropout: 0.2), fusion: Fusions.GlobalAverage())
            .Task("table", Heads.Regression(1, dropout: 0.1))
            .Build(CPU);
    }

    public static TensorSource[] Sources(int count = 60)
    {
        random.manual_seed(7);
        var images = randn(count, 2, 6, 6);
        var rows = randn(count * 2, 5);
        return
        [
            new("image", images, (images.mean([1, 2, 3]) * 8).clamp(-1, 1).round().to(ScalarType.Int64) + 1) { BatchSize = 16 },
            new("table", rows, rows[.., ..1] - rows[.., 1..2]) { BatchSize = 24 },
        ];
    }

    public static TrainerOptions Options => new() { Epochs = 3, LearningRate = 3e-3, Seed = 5 };

    /// <summary>The weights and statistics, copied.</summary>
    public static Dictionary<string, Tensor> Weights(nn.Module module) => module.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone());

    public static void ShouldHave(this MultiInputModel model, Dictionary<string, Tensor> weights, Func<string, bool>? which = null)
    {
        foreach (var (name, value) in model.state_dict().Where(pair => which?.Invoke(pair.Key) ?? true))
            value.ShouldBeSame(weights[name], name);
    }

    /// <summary>The names of weights and statistics that differ.</summary>
    public static IReadOnlyList<string> Changed(MultiInputModel model, Dictionary<string, Tensor> weights) =>
        [.. model.state_dict().Where(pair => !pair.Value.detach().contiguous().bytes.SequenceEqual(weights[pair.Key].contiguous().bytes)).Select(pair => pair.Key)];
}
