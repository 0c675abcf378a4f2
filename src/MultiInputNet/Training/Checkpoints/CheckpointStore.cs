using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// Writes and reads the checkpoints of one training. Each is a safetensors file, with the training's state as JSON in its metadata and a
/// SHA-256 hash of both. While the store is open, the folder belongs to this training alone.
/// </summary>
internal sealed partial class CheckpointStore : IDisposable
{
    internal const string Key = "multi_input_net.training";
    internal const string HashKey = "multi_input_net.sha256";
    private const int Version = 2;
    private const int LongestValue = 120;

    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        TypeInfoResolver = new ContentJson().WithAddedModifier(InitialValues.Keep),
    };

    private static readonly JsonTypeInfo<Content> JsonType = (JsonTypeInfo<Content>)JsonOptions.GetTypeInfo(typeof(Content));

    private readonly CheckpointOptions options;
    private readonly Lazy<IReadOnlyDictionary<string, string>> fingerprint;
    private readonly FolderLock folderLock;

    /// <summary>Opens the folder of a training.</summary>
    /// <param name="options">The folder and its options.</param>
    /// <param name="fingerprint">What must be the same when the training resumes, by name.</param>
    /// <exception cref="MultiInputException">The folder cannot be written to, or another training writes to it.</exception>
    public CheckpointStore(CheckpointOptions options, Func<IReadOnlyDictionary<string, string>> fingerprint)
    {
        this.options = options;
        this.fingerprint = new(fingerprint);
        try
        {
            Directory.CreateDirectory(options.Folder);
            folderLock = new(options.Folder);

            // Left half-written by a run that was killed.
            foreach (var leftover in Directory.EnumerateFiles(options.Folder, "checkpoint-*.tmp"))
                File.Delete(leftover);
        }
        catch (Exception e) when (IsOfFiles(e))
        {
            folderLock?.Dispose();
            throw Unwritable(e);
        }
    }

    /// <summary>The checkpoints, the latest first.</summary>
    public IReadOnlyList<string> Files =>
        [.. Directory.EnumerateFiles(options.Folder, "checkpoint-*.safetensors").OrderByDescending(Path.GetFileName, StringComparer.Ordinal)];

    /// <summary>Whether an exception says that a file or a folder cannot be used.</summary>
    public static bool IsOfFiles(Exception e) => e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    public string Write(TrainingState state, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var path = Path.Combine(options.Folder, string.Create(CultureInfo.InvariantCulture, $"checkpoint-{state.Step:D10}.safetensors"));
        var content = JsonSerializer.Serialize(new Content(Version, fingerprint.Value, state), JsonType);
        WeightFile.Write(path, tensors, new Dictionary<string, string> { [Key] = content, [HashKey] = Hash(content, tensors) });
        try
        {
            foreach (var old in Files.Skip(options.Keep))
                File.Delete(old);
        }
        catch (Exception e) when (IsOfFiles(e))
        {
            throw Unwritable(e);
        }

        return path;
    }

    /// <summary>Reads the latest checkpoint, or an earlier one if that is allowed; null if there is none.</summary>
    /// <param name="findMistake">What prevents the training from resuming with a state and its tensors; null if nothing does.</param>
    /// <returns>The checkpoint, and what to report about those that were skipped.</returns>
    /// <exception cref="MultiInputException">A checkpoint is damaged or of another training.</exception>
    public (TrainingState State, Dictionary<string, Tensor> Tensors, IReadOnlyList<string> Warnings)? ReadLatest(
        Func<TrainingState, Dictionary<string, Tensor>, string?> findMistake)
    {
        var damaged = new List<(string Path, MultiInputException Problem)>();
        foreach (var path in Files)
        {
            try
            {
                var (state, tensors) = Read(path, findMistake);
                return (state, tensors, [.. damaged.Select(file => Leave(file.Path, file.Problem, path))]);
            }
            catch (MultiInputException e) when (e.Component == ModelComponent.File)
            {
                damaged.Add((path, e));
                if (!options.AllowEarlier)
                    break;
            }
        }

        return damaged is [var (latest, problem), ..]
            ? throw new MultiInputException(
                $"checkpoint '{latest}'",
                ModelComponent.File,
                $"it cannot be read: {problem.Problem}",
                options.AllowEarlier ? "No earlier one can be read either: start again in an empty folder."
                    : Files.Count > 1 ? "Set AllowEarlier to resume from the one before it." : "There is no earlier one: start again in an empty folder.",
                problem)
            : null;
    }

    public void Dispose() => folderLock.Dispose();

    /// <summary>The checksum of a checkpoint.</summary>
    internal static string Hash(string content, IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendText(content);
        foreach (var (name, tensor) in tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            hash.AppendText(name);
            hash.AppendTensor(tensor);
        }

        return hash.ToText();
    }

    /// <summary>Moves a damaged checkpoint out of the way, so that it is neither read again nor counted among those to keep.</summary>
    private static string Leave(string path, MultiInputException problem, string next)
    {
        var aside = $"{path}.damaged";
        try
        {
            File.Move(path, aside, overwrite: true);
        }
        catch (Exception e) when (IsOfFiles(e))
        {
            throw new MultiInputException($"checkpoint '{path}'", ModelComponent.Training, $"it can neither be read nor moved out of the way: {e.Message}", "Move it by hand.", e);
        }

        return $"Checkpoint '{path}' cannot be read: {problem.Problem} The training resumes from '{Path.GetFileName(next)}' before it; it is now '{Path.GetFileName(aside)}'.";
    }

    private (TrainingState State, Dictionary<string, Tensor> Tensors) Read(string path, Func<TrainingState, Dictionary<string, Tensor>, string?> findMistake)
    {
        using var file = WeightFile.Open(path);
        if (file.Format != WeightFormat.SafeTensors || !file.Metadata.TryGetValue(Key, out var json))
            throw file.Refuse("it does not contain a training.", "Give a folder of checkpoints.");
        // Before the checksum, which a newer version may compute in another way.
        CheckVersion(file, json);
        if (!file.Metadata.TryGetValue(HashKey, out var hash))
            throw file.Refuse("it has no checksum, like those of an earlier version of this library, which cannot be resumed.");
        var tensors = file.ReadAll();
        try
        {
            if (Hash(json, tensors) != hash)
                throw file.Refuse("its content does not match its checksum: it is damaged.");
            var content = Parse(file, json);
            Compare(path, content.Fingerprint);
            return findMistake(content.State, tensors) is { } mistake ? throw file.Refuse(mistake) : (content.State, tensors);
        }
        catch
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
            throw;
        }
    }

    /// <summary>Rejects a checkpoint of a newer version: it is not damaged, so an earlier one is not taken instead.</summary>
    private static void CheckVersion(WeightFile file, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (FormatVersion.FindMistake(document.RootElement.GetProperty("version").GetRawText(), Version) is var (problem, cure, isNewer))
                throw isNewer ? new MultiInputException($"checkpoint '{file.Path}'", ModelComponent.Training, problem, cure) : file.Refuse(problem, cure);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw file.Refuse("its training is damaged: it has no version.", cause: e);
        }
    }

    private static Content Parse(WeightFile file, string json)
    {
        try
        {
            var content = JsonSerializer.Deserialize(json, JsonType) ?? throw file.Refuse("its training is 'null'.");
            return content.Version == Version ? content : throw file.Refuse($"it is in format version {content.Version}, from which a training cannot be resumed.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException)
        {
            throw file.Refuse($"its training is damaged: {e.Message}", cause: e);
        }
    }

    /// <summary>Throws if a checkpoint is of another training, and says in one line what differs first.</summary>
    private void Compare(string path, IReadOnlyDictionary<string, string> saved)
    {
        foreach (var (name, now) in fingerprint.Value)
        {
            var then = saved.GetValueOrDefault(name) ?? "";
            if (name == TrainingFingerprint.ModelName)
                then = Rewritten(then);
            if (then != now)
            {
                throw new MultiInputException(
                    $"checkpoint '{path}'", ModelComponent.Training, Difference(name, then, now), "Resume with what the training began with, or start again in an empty folder.");
            }
        }
    }

    /// <summary>A description as this version writes it: each version may write more than those before.</summary>
    private static string Rewritten(string description)
    {
        try
        {
            return ModelDescription.FromJson(description).ToJson();
        }
        catch (MultiInputException)
        {
            return description;
        }
    }

    private static string Difference(string name, string then, string now)
    {
        if (now.StartsWith(SourceFingerprint.Content, StringComparison.Ordinal))
            return $"it was written with other {name}.";
        if (name == TrainingFingerprint.ModelName)
        {
            try
            {
                var (place, first, second) = JsonDifference.Find(then, now);
                return $"it was written with another model, in which {place} is {Short(first)}, but {Short(second)} in this one.";
            }
            catch (JsonException)
            {
                return "it was written with another model.";
            }
        }

        return $"it was written with {name} {Short(then)}, but this training has {Short(now)}.";
    }

    private static string Short(string value)
    {
        var line = string.Join(' ', value.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length == 0 ? "none" : line.Length <= LongestValue ? line : $"{line.AsSpan(0, LongestValue)}…";
    }

    private MultiInputException Unwritable(Exception cause) => new(
        $"folder '{options.Folder}'", ModelComponent.Training, $"checkpoints cannot be written there: {cause.Message}", "Name a folder that exists or can be created, and is writable.", cause);

    private sealed record Content(int Version, IReadOnlyDictionary<string, string> Fingerprint, TrainingState State);

    [JsonSerializable(typeof(Content))]
    private sealed partial class ContentJson : JsonSerializerContext;
}
