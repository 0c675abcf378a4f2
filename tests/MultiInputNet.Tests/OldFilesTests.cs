using System.Collections;
using System.IO.Compression;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using MultiInputNet.Data;
using MultiInputNet.Tests.Data;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Files of earlier versions, from scripts/old-files: they are read for as long as there is this library.</summary>
public sealed class OldFilesTests : IDisposable
{
    // Outputs are computed in double precision; a training is not, and kernels of another CPU round otherwise.
    private const double Tolerance = 1e-9;
    private const double TrainedTolerance = 1e-3;

    private static readonly Lazy<Dictionary<string, Tensor>> expected = new(() =>
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        return Versions.SelectMany(version => Read($"{version}/expected").Select(pair => (Name: $"{version}/{pair.Key}", pair.Value)))
            .ToDictionary(tensor => tensor.Name, tensor => tensor.Value.DetachFromDisposeScope());

        Dictionary<string, Tensor> Read(string name)
        {
            using var file = WeightFile.Open(Unpack(name, folder));
            return file.ReadAll();
        }
    });

    private static readonly Dictionary<string, Delegate> customModules = new()
    {
        ["own projection"] = (InputSpec input, int channels) => (nn.Module<Tensor, Tensor>)nn.Conv2d(input.Shape[0], channels, 3),
        ["own grid"] = (InputSpec input, int channels) =>
            (nn.Module<Tensor, Tensor>)nn.Sequential(nn.Linear(input.Shape[0], channels * 4L), nn.Unflatten(1, [channels, 2L, 2L])),
        ["own base"] = () => (nn.Module<Tensor, Tensor>)nn.Sequential(nn.Conv2d(4, 8, 3, padding: 1), nn.ReLU()),
        ["own head"] = (int features) => (nn.Module<Tensor, Tensor>)nn.Linear(features, 3),
        ["own fusion"] = (MapShape map) => (nn.Module<Tensor, Tensor>)nn.Flatten(),
        ["own pair"] = (IReadOnlyList<MapShape> maps) => (nn.Module<IReadOnlyList<Tensor>, Tensor>)new Pair(),
    };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Models => [.. ModelNames()];

    [Theory]
    [MemberData(nameof(Models))]
    public void A_model_of_an_earlier_version_loads_and_computes_what_it_did(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var path = Unpack(name, folder);
        using var file = WeightFile.Open(path);
        file.Metadata.GetValueOrDefault("multi_input_net.version").Should().Be(name.StartsWith("version1/", StringComparison.Ordinal) ? null : name[7..8]);

        using var model = Load(path);
        var again = folder["again.safetensors"];
        model.Save(again);
        ShouldBe(model, file, name);

        using var loaded = Load(again);
        ShouldBe(loaded, file, name);
        loaded.Description.Should().Be(model.Description);
    }

    private static void ShouldBe(MultiInputModel model, WeightFile file, string name)
    {
        var weights = file.ReadAll();
        var state = model.state_dict();
        state.Keys.Should().BeEquivalentTo(weights.Keys);
        foreach (var (key, value) in state)
            value.ShouldBeSame(weights[key], key);
        model.Summary().Should().ContainAll(model.Description.Inputs.Select(input => input.Name)).And.ContainAll(model.Description.Tasks.Select(task => task.Name));

        model.to(ScalarType.Float64);
        var outputs = model.forward(model.Description.Inputs.ToDictionary(input => input.Name, input => expected.Value[$"{name}/input/{input.Name}"]));
        outputs.Keys.Should().BeEquivalentTo(expected.Value.Keys.Where(key => key.StartsWith($"{name}/output/", StringComparison.Ordinal)).Select(key => key.Split('/')[3]));
        foreach (var (task, output) in outputs)
        {
            var then = expected.Value[$"{name}/output/{task}"];
            ((output - then).abs() / then.abs().amax(0)).max().ToDouble().Should().BeLessThan(Tolerance, "task {0} gave {1}", task, then.str());
        }
    }

    [Fact]
    public void A_description_of_an_earlier_version_says_the_same_once_it_is_written_anew()
    {
        foreach (var name in ModelNames())
        {
            using var file = WeightFile.Open(Unpack(name, folder));
            var before = JsonNode.Parse(file.Metadata["multi_input_net.description"])!.AsObject();
            before.Remove("version").Should().Be(!name.StartsWith("version1/", StringComparison.Ordinal));
            var after = JsonNode.Parse(ModelDescription.FromJson(before.ToJsonString()).ToJson())!.AsObject();
            after.Remove("version").Should().BeTrue();
            Members(before).Should().BeSubsetOf(Members(after), name);
        }

        static IEnumerable<string> Members(JsonNode? node, string path = "") => node switch
        {
            JsonObject o => o.SelectMany(pair => Members(pair.Value, $"{path}.{pair.Key}")),
            JsonArray a => a.Index().SelectMany(pair => Members(pair.Item, $"{path}[{pair.Index}]")).Append($"{path} of {a.Count}"),
            _ => [$"{path} = {node?.ToJsonString()}"],
        };
    }

    [Fact]
    public void Every_kind_and_choice_that_a_description_had_is_in_a_file_of_an_earlier_version()
    {
        // What no earlier version had.
        HashSet<object> seen = [typeof(GraphSpec)];
        foreach (var name in ModelNames())
        {
            using var file = WeightFile.Open(Unpack(name, folder));
            Look(ModelDescription.FromJson(file.Metadata["multi_input_net.description"], customModules));
        }

        var all = typeof(ModelDescription).Assembly.GetTypes().SelectMany(type => type.GetCustomAttributes<JsonDerivedTypeAttribute>(inherit: false)).Select(kind => (object)kind.DerivedType)
            .Concat(seen.OfType<Enum>().Select(choice => choice.GetType()).Distinct().SelectMany(choice => Enum.GetValues(choice).Cast<object>()));
        string.Join(", ", all.Except(seen)).Should().BeEmpty();

        void Look(object? value)
        {
            if (value is Enum)
                seen.Add(value);
            else if (value is IEnumerable elements and not string)
                elements.Cast<object>().ToList().ForEach(Look);
            else if (value?.GetType() is { } type && type.Assembly == typeof(ModelDescription).Assembly)
            {
                seen.Add(type);
                type.GetProperties().Where(property => property.GetIndexParameters().Length == 0).ToList().ForEach(property => Look(property.GetValue(value)));
            }
        }
    }

    public static TheoryData<string> Trainings => [.. trainings.Keys.Select(name => $"version1/training-{name}"), "version2/training-phases"];

    private static readonly Dictionary<string, TrainerOptions> trainings = new()
    {
        ["phases"] = new()
        {
            Phases = [new(2, Parts.Heads(), Parts.Projections().At(0.5)), new(3, Parts.All) { LearningRate = 0.02, LayerDecay = 0.8 }],
            WeightAverageDecay = 0.9,
            EarlyStopping = new() { Patience = 9, MinDelta = 0.001, Task = "row" },
            Balancing = LossBalancing.Uncertainty(),
            Sampling = SourceSampling.Temperature(0.5),
            Schedule = LearningRateSchedule.OneCycle(),
        },
        ["gradnorm"] = new()
        {
            Epochs = 3,
            Optimizer = Optimizers.Sgd(0.8, nesterov: true),
            Balancing = LossBalancing.GradNorm(alpha: 1),
            Sampling = SourceSampling.All,
            Schedule = LearningRateSchedule.WarmupCosine(floor: 0.1),
            AccumulatedBatches = 2,
            GradientClip = double.PositiveInfinity,
        },
        ["averages"] = new()
        {
            Epochs = 4,
            Balancing = LossBalancing.DynamicWeightAverage(temperature: 1.5),
            Sampling = SourceSampling.RoundRobin,
            Schedule = LearningRateSchedule.Step(0.4, warmupShare: 0.1),
            Optimizer = Optimizers.AdamW(beta2: 0.99),
            StepsPerEpoch = 6,
            WeightDecay = 0.1,
        },
        ["fixed"] = new()
        {
            Epochs = 3,
            Balancing = LossBalancing.Fixed(new Dictionary<string, double> { ["row"] = 0.5, ["image"] = 2 }),
            Sampling = SourceSampling.Fixed(new Dictionary<string, double> { ["row"] = 1, ["image"] = 2 }),
            Schedule = LearningRateSchedule.Constant(warmupShare: 0.2),
            Optimizer = Optimizers.Sgd(),
            EarlyStopping = new(),
            WeightAverageDecay = 0.5,
        },
        ["pcgrad"] = new() { Epochs = 2, Balancing = LossBalancing.PCGrad(seed: 3), Sampling = SourceSampling.All },
        ["cagrad"] = new() { Epochs = 2, Balancing = LossBalancing.CAGrad(c: 0.4), Sampling = SourceSampling.All },
    };

    [Theory]
    [MemberData(nameof(Trainings))]
    public void A_training_of_an_earlier_version_goes_on_to_the_weights_that_it_ended_with_there(string name)
    {
        using var scope = NewDisposeScope();
        var checkpoints = Checkpoints(name);
        var training = trainings[name.Split("training-")[1]];
        using var model = BuildTrained(training.Optimizer is SgdSpec ? Normalization.Batch : Normalization.None);
        var options = training with { LearningRate = 0.01, Seed = 5, BatchSize = 8, Checkpoints = new(checkpoints) { EverySteps = 1, Keep = 1000 } };
        var history = new Trainer(model, options).Resume(Sources(40), Sources(12));

        history.Epochs.Should().HaveCount(options.Phases.Count > 0 ? options.Phases.Sum(phase => phase.Epochs) : options.Epochs);
        Directory.GetFiles(checkpoints, "*.safetensors").Should().HaveCountGreaterThan(5, "it began in the middle");
        foreach (var (key, value) in model.state_dict())
            value.ShouldEqual(expected.Value[$"{name}/{key}"], TrainedTolerance, key);
    }

    private static MultiInputModel BuildTrained(Normalization normalization) => MultiInputModel.Define()
        .Input("image", Inputs.Image(2, 5, 5), Projections.Convolution(normalization))
        .Input("row", Inputs.Tabular(3))
        .Base(Bases.ConvNet(3, 4) with { Normalization = normalization })
        .Fusion(Fusions.GlobalAverage())
        .Task("image", Heads.Classification(3))
        .Task("row", Heads.Regression(1))
        .Build(CPU, seed: 2);

    private static TensorSource[] Sources(int count)
    {
        var (images, rows) = (Pattern([count, 2, 5, 5], count, 2), Pattern([count * 3 / 2, 3], count + 1, 2));
        return
        [
            new("image", images, arange(count).remainder(3).to(ScalarType.Int64)),
            new("row", rows, rows[.., ..1] * 3 - rows[.., 1..2] + 20) { BatchSize = 6 },
        ];
    }

    private static Tensor Pattern(long[] shape, int start, double size) =>
        ((arange(shape.Aggregate(1L, (product, length) => product * length), ScalarType.Int64) * 7 + start * 13).remainder(61) - 30)
            .to(ScalarType.Float32).mul((float)(size / 30)).view(shape);

    private string Checkpoints(string name)
    {
        var checkpoints = Directory.CreateDirectory(folder["checkpoints"]).FullName;
        var unpacked = Unpack(name, folder);
        using var file = WeightFile.Open(unpacked);
        var step = JsonNode.Parse(file.Metadata[CheckpointStore.Key])!["state"]!["step"]!.GetValue<long>();
        File.Move(unpacked, Path.Combine(checkpoints, $"checkpoint-{step:D10}.safetensors"));
        return checkpoints;
    }

    private static MultiInputModel Load(string path) => MultiInputModel.Load(path, CPU, customModules, trustTorchScript: true);

    private static IEnumerable<string> Versions => ["version1", "version2"];

    private static IEnumerable<string> ModelNames() => Versions
        .SelectMany(version => Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures", version)).Select(file => $"{version}/{Path.GetFileName(file).Split('.')[0]}"))
        .Order(StringComparer.Ordinal).Where(name => !name.EndsWith("/expected", StringComparison.Ordinal) && !name.Contains("/training-"));

    private static string Unpack(string name, TemporaryFolder folder)
    {
        var path = folder[$"{name.Replace('/', '-')}.safetensors"];
        using var from = new BrotliStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"{name}.safetensors.br")), CompressionMode.Decompress);
        using var to = File.Create(path);
        from.CopyTo(to);
        return path;
    }

    /// <summary>Means of two maps, joined.</summary>
    private sealed class Pair() : nn.Module<IReadOnlyList<Tensor>, Tensor>("Pair")
    {
        public override Tensor forward(IReadOnlyList<Tensor> input) => cat([.. input.Select(map => map.mean([2, 3]))], 1);
    }
}
