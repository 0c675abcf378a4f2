using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

public sealed class ExportTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    public static TheoryData<string> Convolutional => [.. Bases.Published.Keys.Where(name => !name.StartsWith("vit", StringComparison.Ordinal)), "convnet", "residual", "group", "average"];

    [Theory]
    [MemberData(nameof(Convolutional))]
    public void A_convolutional_base_gives_the_probabilities_of_the_model(string name)
    {
        using var scope = NewDisposeScope();
        BaseSpec spec = name switch
        {
            "convnet" => Bases.ConvNet(3, 8, 12),
            "residual" => Bases.ConvNet(3, 8, 12) with { Residual = true, Depth = 2 },
            "group" => Bases.ConvNet(3, 8, 12) with { Normalization = Normalization.Group, Activation = Activation.GELU },
            "average" => Bases.ConvNet(3, 8, 12) with { Normalization = Normalization.Batch, Pooling = Pooling.Average, Activation = Activation.HardSwish },
            _ => Bases.Published[name],
        };
        var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 64, 64) with { Mean = [0.5, 0.4, 0.3], StandardDeviation = [0.2, 0.3, 0.4] })
            .Input("gray", Inputs.Image(1, 64, 64))
            .Base(spec).Fusion(Fusions.GlobalAverage())
            .Task("photo", Heads.Classification(5)).Task("gray", Heads.MultiLabel(3)).Build(CPU, seed: 1);
        model.eval();
        model.ExportOnnx(path);

        using var session = new InferenceSession(path);
        foreach (var (photos, grays) in new[] { (1, 1), (3, 3), (5, 2) })
        {
            var inputs = new Dictionary<string, Tensor> { ["photo"] = rand(photos, 3, 64, 64), ["gray"] = rand(grays, 1, 64, 64) };
            using var noGrad = no_grad();
            var expected = model.forward(inputs);
            var actual = Run(session, inputs);
            Difference(actual["photo_probabilities"], expected["photo"].softmax(1)).Should().BeLessThan(1e-5);
            Difference(actual["gray_probabilities"], expected["gray"].sigmoid()).Should().BeLessThan(1e-5);
        }
    }

    private static Dictionary<string, Tensor> Run(InferenceSession session, Dictionary<string, Tensor> inputs)
    {
        using var options = new RunOptions();
        var values = inputs.ToDictionary(input => input.Key, input => OrtValue.CreateTensorValueFromMemory(input.Value.data<float>().ToArray(), input.Value.shape));
        using var results = session.Run(options, values, session.OutputNames);
        return session.OutputNames.Zip(results).ToDictionary(
            result => result.First, result => tensor(result.Second.GetTensorDataAsSpan<float>().ToArray()).view(result.Second.GetTensorTypeAndShape().Shape));
    }

    private static double Difference(Tensor actual, Tensor expected) => ((actual - expected).abs().max() / expected.abs().max()).ToDouble();
}
