using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class ModelPredictTests : PredictTests
{
    [Fact]
    public void A_model_in_training_mode_answers_in_evaluation_mode_and_stays_as_it_was()
    {
        using var model = Model();
        var photo = rand(3, 8, 8);
        var expected = model.Predict("species", photo).Probability;
        model.train();
        var state = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());

        model.Predict("species", photo).Probability.Should().Be(expected);

        model.training.Should().BeTrue();
        model.state_dict().Should().AllSatisfy(pair => pair.Value.eq(state[pair.Key]).all().ToBoolean().Should().BeTrue());
    }

    protected override IPredictor Load(string path) => MultiInputModel.Load(path, CPU);
}

public sealed class PredictorPredictTests : PredictTests
{
    protected override IPredictor Load(string path) => Predictor.Load(path, new() { Device = CPU });
}

public sealed class ModelThreadSafetyTests : ThreadSafetyTests
{
    protected override IPredictor Load(string path) => MultiInputModel.Load(path, CPU);
}

public sealed class PredictorThreadSafetyTests : ThreadSafetyTests
{
    protected override IPredictor Load(string path) => Predictor.Load(path, new() { Device = CPU });
}
