using System.Text.Json.Nodes;
using MultiInputNet.Tests.Data;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>What a file says of its version decides whether it is read, before anything else in it is looked at.</summary>
public sealed class FormatVersionTests : IDisposable
{
    private const string NewerModel = "*it is in format version 4, and this version of MultiInputNet reads format versions up to 3. Update MultiInputNet to read it.";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private static MultiInputModel Build() =>
        MultiInputModel.Define().Input("a", Inputs.Image(1, 6, 6)).Base(Bases.ConvNet(4, 8)).Task("a", Heads.Classification(2)).Build(CPU);

    /// <summary>A model's file with another version, and a description that is changed.</summary>
    private string Write(string? version, Func<string, string>? change = null)
    {
        using var model = Build();
        var path = folder["model.safetensors"];
        model.Save(path);
        Dictionary<string, string> metadata;
        using (var file = WeightFile.Open(path))
            metadata = file.Metadata.ToDictionary();
        metadata.Should().Contain("multi_input_net.version", "3");
        metadata.Remove("multi_input_net.version");
        if (version is not null)
            metadata["multi_input_net.version"] = version;
        metadata["multi_input_net.description"] = change?.Invoke(metadata["multi_input_net.description"]) ?? metadata["multi_input_net.description"];
        WeightFile.Write(path, model.state_dict(), metadata);
        return path;
    }

    [Theory]
    [InlineData(null)]
    [InlineData("1")]
    [InlineData("2")]
    [InlineData("3")]
    public void Versions_up_to_this_one_are_read(string? version) => MultiInputModel.Load(Write(version), CPU).Dispose();

    [Fact]
    public void A_newer_model_says_so_and_not_what_is_odd_in_it()
    {
        string[] paths =
        [
            Write("4"),
            Write("4", json => json.Replace("\"inputs\"", "\"unknown_member\": 1, \"inputs\"")),
            Write("4", json => json.Replace("\"convnet\"", "\"unknown_kind\"")),
            Write("4", _ => "no JSON"),
        ];
        foreach (var path in paths)
            FluentActions.Invoking(() => MultiInputModel.Load(path, CPU)).Should().Throw<MultiInputException>().WithMessage($"File '{path}', file: {NewerModel}");
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("0")]
    [InlineData("two")]
    [InlineData("")]
    [InlineData(" 3")]
    [InlineData("99999999999999999999")]
    public void A_version_that_is_no_version_is_refused(string version)
    {
        var path = Write(version);
        FluentActions.Invoking(() => MultiInputModel.Load(path, CPU)).Should().Throw<MultiInputException>()
            .WithMessage($"File '{path}', file: its format version is '{version}', which is not a number that a version can have. *");
    }

    [Fact]
    public void A_description_has_its_version_too()
    {
        using var model = Build();
        var json = model.Description.ToJson();
        json.Should().MatchRegex(@"^\{\s*""version"": 3,");

        string[] newer = [With("4"), With("4").Replace("\"convnet\"", "\"unknown_kind\""), With("4").Replace("\"channels\"", "\"unknown_member\"")];
        foreach (var text in newer)
            FluentActions.Invoking(() => ModelDescription.FromJson(text)).Should().Throw<MultiInputException>().WithMessage($"Model description, description: {NewerModel}");
        string[] odd = ["-1", "0", "2.5", "\"2\"", "1e30", "{}"];
        foreach (var version in odd)
            FluentActions.Invoking(() => ModelDescription.FromJson(With(version))).Should().Throw<MultiInputException>().WithMessage("*its format version is '*");
        foreach (var version in (string[])["1", "2", "3"])
            ModelDescription.FromJson(With(version)).Should().Be(model.Description);

        string With(string version) => json.Replace("\"version\": 3", $"\"version\": {version}");
    }

    [Theory]
    [InlineData("3", "it is in format version 3, and this version of MultiInputNet reads format versions up to 2. Update MultiInputNet to read it.")]
    [InlineData("3", "it is in format version 3, and this version of MultiInputNet reads format versions up to 2. Update MultiInputNet to read it.", "another checksum")]
    [InlineData("3", "it is in format version 3, and this version of MultiInputNet reads format versions up to 2. Update MultiInputNet to read it.", null)]
    [InlineData("-2", "its format version is '-2', *")]
    [InlineData("1e30", "its format version is '1e30', *")]
    [InlineData("\"new\"", "its format version is '\"new\"', *")]
    public void A_checkpoint_of_another_version_is_refused_and_stays(string version, string message, string? hash = "")
    {
        using var scope = NewDisposeScope();
        var options = TrainingProblem.Options with { Epochs = 2, Checkpoints = new(folder["training"]) { AllowEarlier = version == "3" } };
        using var model = TrainingProblem.Build();
        new Trainer(model, options).Fit(TrainingProblem.Sources());
        var path = Directory.GetFiles(folder["training"], "*.safetensors").Order(StringComparer.Ordinal).Last();
        using (var file = WeightFile.Open(path))
        {
            var (tensors, content) = (file.ReadAll(), JsonNode.Parse(file.Metadata[CheckpointStore.Key])!);
            content["version"] = JsonNode.Parse(version);
            content["unknown_member"] = 1;
            var changed = content.ToJsonString();
            var metadata = new Dictionary<string, string> { [CheckpointStore.Key] = changed };
            if (hash is not null)
                metadata[CheckpointStore.HashKey] = hash.Length > 0 ? hash : CheckpointStore.Hash(changed, tensors);
            WeightFile.Write(path, tensors, metadata);
        }

        new Trainer(model, options).Invoking(trainer => trainer.Resume(TrainingProblem.Sources())).Should().Throw<MultiInputException>().WithMessage($"Checkpoint '{path}', *: {message}");
        File.Exists(path).Should().BeTrue();
    }
}
