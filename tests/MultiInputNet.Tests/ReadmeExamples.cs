using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>The README's C# blocks in its order, each the body of a method, word for word.</summary>
internal static class ReadmeExamples
{
    public static void A_model_in_ten_lines()
    {
        using var model = MultiInputModel.Define()
            .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
            .Input("land", Inputs.Image(channels: 4, height: 3, width: 3))
            .Base(Bases.ConvNet(channels: 32))
            .Task("digit", Heads.Classification(classes: 10))
            .Task("land", Heads.Classification(classes: 6))
            .Build();

        Console.WriteLine(model.Summary());
        Console.WriteLine(string.Join(", ", model.forward(rand(5, 4, 3, 3), "land").shape)); // 5, 6
    }

    public static void Several_inputs_and_several_tasks()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 32, width: 32))
            .Input("sensor", Inputs.Sequence(features: 2, length: 100))
            .Input("record", Inputs.Tabular(features: 12))
            .Base(Bases.ConvNet(channels: 16, 32, 64))
            .Fusion(Fusions.GlobalAverage())
            .Task("species", Heads.Classification(classes: 5), from: ["photo"], fusion: Fusions.Attention(heads: 4))
            .Task("tags", Heads.MultiLabel(labels: 8), from: ["photo"])
            .Task("weight", Heads.Regression(outputs: 1), from: ["photo", "sensor", "record"], fusion: Fusions.Concat())
            .Build();

        var outputs = model.forward(new Dictionary<string, Tensor>
        {
            ["photo"] = rand(4, 3, 32, 32),
            ["sensor"] = rand(4, 2, 100),
            ["record"] = rand(4, 12),
        });
        Console.WriteLine(string.Join(", ", outputs.Keys)); // species, tags, weight
    }

    public static void A_base_of_your_own()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 32, width: 32))
            .Base(Bases.From("two-convolutions", channels: 8, () => nn.Sequential(
                nn.Conv2d(8, 16, kernel_size: 3), nn.ReLU(), nn.Conv2d(16, 32, kernel_size: 3, stride: 2))))
            .Task("photo", Heads.Classification(classes: 5))
            .Build();
        Console.WriteLine(string.Join(", ", model.forward(rand(2, 3, 32, 32), "photo").shape)); // 2, 5
    }

    public static void Training_with_a_trainer()
    {
        var (digits, land) = (rand(200, 1, 8, 8), rand(300, 4, 3, 3));
        using var model = MultiInputModel.Define()
            .Input("digit", Inputs.Image(1, 8, 8).StandardizedBy(digits))
            .Input("land", Inputs.Image(4, 3, 3).StandardizedBy(land))
            .Base(Bases.ConvNet(channels: 16))
            .Task("digit", Heads.Classification(10, labelSmoothing: 0.1))
            .Task("land", Heads.Classification(6, labelSmoothing: 0.1))
            .Build();

        TensorSource[] sources =
        [
            new("digit", digits, randint(10, [200]).to(ScalarType.Int64)),
            new("land", land, randint(6, [300]).to(ScalarType.Int64)) { BatchSize = 128 },
        ];
        var trainer = new Trainer(model, new() { Epochs = 2, LearningRate = 3e-3, Seed = 1 });
        trainer.Fit(sources, progress: new Progress<TrainingProgress>(step => Console.WriteLine($"{step.Step} of {step.Steps}")));
        foreach (var (task, result) in trainer.Evaluate(sources))
            Console.WriteLine($"{task}: {result.Primary} {result.PrimaryValue:0.000}");

        model.Save("model.safetensors");
        using var loaded = MultiInputModel.Load("model.safetensors");
    }

    public static void Training_in_a_loop_of_your_own()
    {
        using var model = MultiInputModel.Define()
            .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
            .Base(Bases.ConvNet(channels: 16))
            .Task("digit", Heads.Classification(classes: 10))
            .Build();
        var (images, labels) = (rand(64, 1, 8, 8), randint(10, [64]).to(ScalarType.Int64));
        var head = (TaskHead)model.Head("digit");
        using var optimizer = optim.AdamW(model.parameters(), lr: 1e-3);

        model.train();
        for (var step = 0; step < 20; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = head.Loss(model.forward(images, "digit"), labels);
            loss.backward();
            optimizer.step();
            Console.WriteLine($"step {step}: loss {loss.item<float>():0.000}");
        }

        model.eval();
    }

    public static void A_mistake_and_its_message()
    {
        try
        {
            MultiInputModel.Define()
                .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
                .Base(Bases.ConvNet(channels: 16))
                .Fusion(Fusions.Attention(heads: 3))
                .Task("digit", Heads.Classification(classes: 10))
                .Build();
        }
        catch (MultiInputException e)
        {
            Console.WriteLine(e.Message);
        }
    }
}
