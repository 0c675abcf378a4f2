using System.Text.Json.Nodes;
using MultiInputNet.Data;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>A checkpoint is not believed before all of it fits; where it does not, the model stays as it was.</summary>
public sealed class CheckpointContentTests : IDisposable
{
    private static readonly string[] replacements = ["null", "-1", "1e300", "9223372036854775807", "\"NaN\"", "\"text\"", "[]", "[null]", "{}", "{\"a\": null}", "gone"];

    private readonly string folder = Directory.CreateTempSubdirectory("checkpoint-content-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private TrainerOptions Options => TrainingProblem.Options with
    {
        Phases = [new(2, Parts.Heads()), new(1)],
        WeightAverageDecay = 0.9,
        EarlyStopping = new(),
        Balancing = LossBalancing.GradNorm(),
        Checkpoints = new(folder) { EverySteps = 2, Keep = 100 },
    };

    private string[] Files => [.. Directory.GetFiles(folder, "checkpoint-*.safetensors").Order(StringComparer.Ordinal)];

    /// <summary>The checkpoint after a step in the second phase, alone in its folder.</summary>
    private string Write()
    {
        using var model = TrainingProblem.Build();
        using var stop = new CancellationTokenSource();
        new Trainer(model, Options).Invoking(t => t.Fit(TrainingProblem.Sources(), TrainingProblem.Sources(20), new Now(step => { if (step.Step == 12) stop.Cancel(); }), stop.Token))
            .Should().Throw<OperationCanceledException>();
        foreach (var earlier in Files[..^1])
            File.Delete(earlier);
        return Files.Single();
    }

    /// <summary>Resumes, and gives what kept it from going on; null where nothing did. Then the training is stopped before its first step.</summary>
    private string? Refusal(MultiInputModel model, TensorSource[] sources, TensorSource[] validation)
    {
        try
        {
            new Trainer(model, Options).Resume(sources, validation, cancellationToken: new(canceled: true));
            return null;
        }
        catch (MultiInputException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    [Fact]
    public void A_bit_that_is_flipped_anywhere_is_found_and_nothing_is_changed()
    {
        using var scope = NewDisposeScope();
        var path = Write();
        var content = File.ReadAllBytes(path);
        var (sources, validation) = (TrainingProblem.Sources(), TrainingProblem.Sources(20));
        using var model = TrainingProblem.Build(seed: 9);
        var before = TrainingProblem.Weights(model);
        var header = 8 + (int)BitConverter.ToInt64(content);
        var draw = new Random(4);
        int[] places = [.. Enumerable.Range(0, 8), .. Draw(8, header, 120), .. Draw(header, content.Length, 60)];

        foreach (var place in places)
        {
            var changed = content.ToArray();
            changed[place] ^= (byte)(1 << draw.Next(8));
            File.WriteAllBytes(path, changed);
            Refusal(model, sources, validation).Should().StartWith($"Checkpoint '{path}', file: it cannot be read: ", $"byte {place}");
        }

        foreach (var length in Draw(0, content.Length, 20))
        {
            File.WriteAllBytes(path, content[..length]);
            Refusal(model, sources, validation).Should().NotBeNull();
        }

        model.ShouldHave(before);
        model.training.Should().BeFalse();
        File.WriteAllBytes(path, content);
        Refusal(model, sources, validation).Should().BeNull();

        IEnumerable<int> Draw(int from, int to, int count) => Enumerable.Range(0, count).Select(_ => draw.Next(from, to));
    }

    [Fact]
    public void A_state_that_does_not_fit_is_refused_though_its_checksum_is_right()
    {
        using var scope = NewDisposeScope();
        var path = Write();
        var content = File.ReadAllBytes(path);
        using var file = WeightFile.Open(path);
        var (json, tensors) = (file.Metadata[CheckpointStore.Key], file.ReadAll());
        var (sources, validation) = (TrainingProblem.Sources(), TrainingProblem.Sources(20));
        using var model = TrainingProblem.Build(seed: 9);
        var before = TrainingProblem.Weights(model);
        var accepted = new List<string>();

        foreach (var (what, changed) in Mutations(json))
        {
            WeightFile.Write(path, tensors, new Dictionary<string, string> { [CheckpointStore.Key] = changed, [CheckpointStore.HashKey] = CheckpointStore.Hash(changed, tensors) });
            if (Refusal(model, sources, validation) is null)
                accepted.Add(what);
            else
                TrainingProblem.Changed(model, before).Should().BeEmpty(what);
            before = TrainingProblem.Weights(model);
            foreach (var other in Files.Where(other => other != path))
                File.Delete(other);
        }

        // What any number may stand for: losses and metrics so far, the learning rate of an epoch, the best value.
        accepted.Should().OnlyContain(what => what.Contains("losses") || what.Contains("drawn") || what.Contains("epochs_seen") || what.Contains("validation")
            || what.Contains("learning_rate") || what.Contains("best") || what.Contains("epochs_without_better"));
        File.WriteAllBytes(path, content);
    }

    /// <summary>The JSON with each of its values replaced by others, or left out.</summary>
    private static IEnumerable<(string What, string Json)> Mutations(string json)
    {
        var draw = new Random(8);
        var paths = Paths(JsonNode.Parse(json)!["state"]!).ToArray();
        foreach (var path in paths)
        {
            foreach (var value in replacements.Where(_ => draw.Next(3) == 0))
            {
                var root = JsonNode.Parse(json)!;
                var parent = path[..^1].Aggregate(root["state"]!, (node, key) => key is int index ? node[index]! : node[(string)key]!);
                var replacement = value == "gone" ? null : JsonNode.Parse(value);
                if (path[^1] is int place)
                    parent[place] = replacement;
                else if (value == "gone")
                    parent.AsObject().Remove((string)path[^1]);
                else
                    parent[(string)path[^1]] = replacement;
                yield return ($"{string.Join('.', path)} = {value}", root.ToJsonString());
            }
        }

        static IEnumerable<object[]> Paths(JsonNode node) => node switch
        {
            JsonObject o => o.SelectMany(pair => Below(pair.Key, pair.Value)),
            JsonArray a => a.Index().SelectMany(pair => Below(pair.Index, pair.Item)),
            _ => [],
        };

        static IEnumerable<object[]> Below(object key, JsonNode? value) => (value is null ? [] : Paths(value).Select(path => (object[])[key, .. path])).Prepend([key]);
    }

    public static TheoryData<string, string> WrongTensors => new()
    {
        { "name", "does not belong to the training" },
        { "another name", "does not belong to the training" },
        { "missing model.base_model", "is missing" },
        { "missing optimizer.", "is missing" },
        { "missing best.", "is missing" },
        { "missing average.averages", "is missing" },
        { "missing balancer.weights", "is missing" },
        { "shape model.base_model", "of shape (3)" },
        { "shape optimizer.", "of shape (3)" },
        { "shape average.averages", "of shape (3)" },
        { "shape balancer.", "shape (3)" },
        { "type model.base_model", "Float64" },
        { "type average.averages", "Float64" },
        { "type optimizer.", "Float64" },
        { "steps", "more steps than the training" },
        { "updates", "of -5 updates" },
    };

    [Theory]
    [MemberData(nameof(WrongTensors))]
    public void A_tensor_that_does_not_fit_is_refused_though_the_checksum_is_right(string what, string message)
    {
        using var scope = NewDisposeScope();
        var path = Write();
        Dictionary<string, Tensor> tensors;
        string json;
        using (var file = WeightFile.Open(path))
            (json, tensors) = (file.Metadata[CheckpointStore.Key], file.ReadAll());
        var words = what.Split(' ');
        string Find() => tensors.First(pair => pair.Key.StartsWith(words[1], StringComparison.Ordinal) && pair.Value.is_floating_point() && (words[1] != "average.averages" || pair.Key.EndsWith("running_mean"))).Key;
        switch (words[0])
        {
            case "name": tensors["model.nothing"] = zeros(1); break;
            case "another": tensors["other"] = zeros(1); break;
            case "missing": tensors.Remove(Find()); break;
            case "shape": tensors[Find()] = zeros(3); break;
            case "type": tensors[Find()] = tensors[Find()].to(ScalarType.Float64); break;
            case "steps": tensors[tensors.Keys.First(key => key.StartsWith("optimizer.") && key.EndsWith(".step"))] = tensor(1000L); break;
            default: tensors["average.updates"] = tensor(-5L); break;
        }

        WeightFile.Write(path, tensors, new Dictionary<string, string> { [CheckpointStore.Key] = json, [CheckpointStore.HashKey] = CheckpointStore.Hash(json, tensors) });
        using var model = TrainingProblem.Build(seed: 9);
        var before = TrainingProblem.Weights(model);

        Refusal(model, TrainingProblem.Sources(), TrainingProblem.Sources(20)).Should().StartWith($"Checkpoint '{path}', file: it cannot be read: ").And.Contain(message);
        model.ShouldHave(before);
    }

    [Fact]
    public void A_checkpoint_without_a_checksum_or_of_another_version_is_refused()
    {
        using var scope = NewDisposeScope();
        var path = Write();
        Dictionary<string, Tensor> tensors;
        string json;
        using (var file = WeightFile.Open(path))
            (json, tensors) = (file.Metadata[CheckpointStore.Key], file.ReadAll());
        using var model = TrainingProblem.Build();

        WeightFile.Write(path, tensors, new Dictionary<string, string> { [CheckpointStore.Key] = json });
        Refusal(model, TrainingProblem.Sources(), TrainingProblem.Sources(20)).Should().Contain("it has no checksum");
        json = json.Replace("\"version\":2", "\"version\":3", StringComparison.Ordinal);
        WeightFile.Write(path, tensors, new Dictionary<string, string> { [CheckpointStore.Key] = json, [CheckpointStore.HashKey] = CheckpointStore.Hash(json, tensors) });
        Refusal(model, TrainingProblem.Sources(), TrainingProblem.Sources(20)).Should().Contain("it is in format version 3, and this version of MultiInputNet reads format versions up to 2");
    }

    [Fact]
    public void An_earlier_checkpoint_is_taken_where_that_is_allowed_and_the_training_says_which_it_left_and_why()
    {
        using var scope = NewDisposeScope();
        using var whole = TrainingProblem.Build();
        new Trainer(whole, Options).Fit(TrainingProblem.Sources(), TrainingProblem.Sources(20));
        var files = Files;
        foreach (var path in files[^2..])
        {
            var bytes = File.ReadAllBytes(path);
            bytes[^3] ^= 4; // in a value
            File.WriteAllBytes(path, bytes);
        }

        using var model = TrainingProblem.Build(seed: 9);
        var reported = new List<string>();
        var options = Options with { Checkpoints = Options.Checkpoints! with { AllowEarlier = true, Keep = 1 } };
        var history = new Trainer(model, options).Resume(TrainingProblem.Sources(), TrainingProblem.Sources(20), new Now(step => reported.AddRange(step.Warnings)));

        model.ShouldHave(TrainingProblem.Weights(whole));
        history.Warnings.Should().Equal(reported);
        var left = history.Warnings.Where(warning => warning.StartsWith("Checkpoint", StringComparison.Ordinal)).ToArray();
        left.Should().HaveCount(2);
        left[0].Should().Be(
            $"Checkpoint '{files[^1]}' cannot be read: its content does not match its checksum: it is damaged. The training resumes from '{Path.GetFileName(files[^3])}' before it; it is now '{Path.GetFileName(files[^1])}.damaged'.");
        Directory.GetFiles(folder).Select(Path.GetFileName).Should().BeEquivalentTo([Path.GetFileName(files[^1]), $"{Path.GetFileName(files[^1])}.damaged", $"{Path.GetFileName(files[^2])}.damaged"]);
    }
}
