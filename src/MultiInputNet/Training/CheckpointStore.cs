using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Writes and reads the checkpoints of one training. Each is a safetensors file, with the training's state as JSON in its metadata.</summary>
internal sealed class CheckpointStore
{
    private const string Key = "multi_input_net.training";

    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    private readonly CheckpointOptions options;
    private readonly IReadOnlyDictionary<string, string> fingerprint;

    /// <summary>Opens the folder of a training.</summary>
    /// <param name="options">Where.</param>
    /// <param name="fingerprint">What must be the same when the training goes on: each thing by its name.</param>
    public CheckpointStore(CheckpointOptions options, IReadOnlyDictionary<string, string> fingerprint)
    {
        this.options = options;
        this.fingerprint = fingerprint;
        Directory.CreateDirectory(options.Folder);

        // What a run that was killed left half-written.
        foreach (var leftover in Directory.EnumerateFiles(options.Folder, "checkpoint-*.tmp"))
            File.Delete(leftover);
    }

    /// <summary>The checkpoints, the latest first.</summary>
    public IReadOnlyList<string> Files =>
        [.. Directory.EnumerateFiles(options.Folder, "checkpoint-*.safetensors").OrderByDescending(Path.GetFileName, StringComparer.Ordinal)];

    public string Write(TrainingState state, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var path = Path.Combine(options.Folder, string.Create(CultureInfo.InvariantCulture, $"checkpoint-{state.Step:D10}.safetensors"));
        var content = JsonSerializer.Serialize(new Content(1, fingerprint, state), JsonOptions);
        WeightFile.Write(path, tensors, new Dictionary<string, string> { [Key] = content });
        foreach (var old in Files.Skip(options.Keep))
            File.Delete(old);
        return path;
    }

    /// <summary>Reads the latest checkpoint, or an earlier one where that is allowed; null where there is none.</summary>
    /// <exception cref="MultiInputException">A checkpoint is damaged or of another training.</exception>
    public (TrainingState State, Dictionary<string, Tensor> Tensors)? ReadLatest()
    {
        MultiInputException? latest = null;
        foreach (var path in Files)
        {
            try
            {
                return Read(path);
            }
            catch (MultiInputException e) when (e.Stage == ModelStage.File)
            {
                latest ??= new MultiInputException(
                    $"checkpoint '{path}'",
                    ModelStage.File,
                    $"it cannot be read: {e.Problem}",
                    Files.Count > 1 ? "Set AllowEarlier to go on from the one before it." : "There is no earlier one: start again in an empty folder.",
                    e);
                if (!options.AllowEarlier)
                    throw latest;
            }
        }

        return latest is null ? null : throw latest;
    }

    private (TrainingState State, Dictionary<string, Tensor> Tensors) Read(string path)
    {
        using var file = WeightFile.Open(path);
        Content content;
        try
        {
            if (file.Format != WeightFormat.SafeTensors || !file.Metadata.TryGetValue(Key, out var json))
                throw file.Refuse("it holds no training.", "Give a folder of checkpoints.");
            content = JsonSerializer.Deserialize<Content>(json, JsonOptions) ?? throw file.Refuse("its training is 'null'.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw file.Refuse($"its training is damaged: {e.Message}", cause: e);
        }

        foreach (var (name, value) in fingerprint)
        {
            var saved = content.Fingerprint.GetValueOrDefault(name, "");
            if (saved != value)
            {
                throw new MultiInputException(
                    $"checkpoint '{path}'",
                    ModelStage.Training,
                    $"it is of a training with another {name}: '{saved}' and not '{value}'.",
                    "Go on with what the training began with, or start again in an empty folder.");
            }
        }

        return (content.State, file.ReadAll());
    }

    private sealed record Content(int Version, IReadOnlyDictionary<string, string> Fingerprint, TrainingState State);
}
