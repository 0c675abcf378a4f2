using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using TorchSharp;

namespace MultiInputNet;

/// <summary>
/// What a model consists of: its inputs, bases, fusions and tasks. It is separate from the modules that are built from it: it can be
/// printed, compared, written to JSON and read back, and builds the same model again.
/// </summary>
public sealed partial class ModelDescription : IEquatable<ModelDescription>
{
    /// <summary>The newest format of model files and descriptions, which is written. 1 was 0.1.0, whose files do not name it.</summary>
    internal const int NewestVersion = 3;

    private const string VersionName = "version";

    internal static readonly JsonSerializerOptions JsonOptions = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        TypeInfoResolver = new DescriptionJson().WithAddedModifier(InitialValues.Keep),
    };

    private static readonly JsonTypeInfo<ModelDescription> JsonType = (JsonTypeInfo<ModelDescription>)JsonOptions.GetTypeInfo(typeof(ModelDescription));

    /// <summary>Creates a description. <see cref="MultiInputModel.Define"/> is the readable way.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="bases">The bases: one for all inputs, and others for the inputs that they name.</param>
    /// <param name="tasks">The tasks.</param>
    /// <param name="fusion">The fusion of tasks that name none; flatten when null.</param>
    /// <param name="sharesFusion">Whether those tasks share one module of it.</param>
    [JsonConstructor]
    public ModelDescription(
        IReadOnlyList<InputDescription> inputs,
        IReadOnlyList<BaseDescription> bases,
        IReadOnlyList<TaskDescription> tasks,
        FusionSpec? fusion = null,
        bool sharesFusion = false)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(bases);
        ArgumentNullException.ThrowIfNull(tasks);
        if (inputs.Contains(null!) || bases.Contains(null!) || tasks.Contains(null!))
            throw new ArgumentException("An input, base or task is null.");
        Inputs = [.. inputs];
        Bases = [.. bases];
        Tasks = [.. tasks];
        Fusion = fusion;
        SharesFusion = sharesFusion;
    }

    // FromJson looks at it before anything else; what is written is always the newest.
    [JsonInclude]
    [JsonPropertyName(VersionName)]
    [JsonPropertyOrder(-1)]
    internal int Version { get; set => field = NewestVersion; } = NewestVersion;

    /// <summary>The inputs, in the order in which they were named.</summary>
    public IReadOnlyList<InputDescription> Inputs { get; }

    /// <summary>The bases: one that serves all inputs that no other names, and any number that name theirs.</summary>
    public IReadOnlyList<BaseDescription> Bases { get; }

    /// <summary>The tasks, in the order in which they were named; their position is their index.</summary>
    public IReadOnlyList<TaskDescription> Tasks { get; }

    /// <summary>The fusion of tasks that name none; flatten when null.</summary>
    public FusionSpec? Fusion { get; }

    /// <summary>Whether the tasks that name no fusion share one module of it; otherwise each has its own.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool SharesFusion { get; }

    /// <summary>One of the inputs, as its specific kind.</summary>
    /// <typeparam name="TInput">The kind, such as <see cref="TabularInput"/>.</typeparam>
    /// <param name="name">Its name.</param>
    /// <returns>The input.</returns>
    /// <exception cref="MultiInputException">There is no input of this name and kind.</exception>
    public TInput Input<TInput>(string name)
        where TInput : InputSpec => Inputs.FirstOrDefault(input => input.Name == name)?.Spec as TInput ?? throw new MultiInputException(
            $"input '{name}'",
            ModelComponent.Description,
            $"the model has no {typeof(TInput).Name} of this name.",
            $"Its inputs are {string.Join(", ", Inputs.Select(input => $"'{input.Name}' ({input.Spec.Kind})"))}.");

    /// <summary>One of the tasks.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The task: its head, the inputs that it reads, and its fusion.</returns>
    /// <exception cref="MultiInputException">There is no task of this name.</exception>
    public TaskDescription Task(string name) => Tasks.FirstOrDefault(task => task.Name == name) ?? throw new MultiInputException(
        $"task '{name}'", ModelComponent.Description, "the model has no task of this name.", $"Its tasks are {Shapes.Names(Tasks.Select(task => task.Name))}.");

    /// <summary>The head of one of the tasks, as its specific kind.</summary>
    /// <typeparam name="THead">The kind, such as <see cref="ClassificationSpec"/>.</typeparam>
    /// <param name="name">The task's name.</param>
    /// <returns>The head's description.</returns>
    /// <exception cref="MultiInputException">There is no task of this name, or its head is of another kind.</exception>
    public THead Task<THead>(string name)
        where THead : HeadSpec => Task(name).Head as THead ?? throw new MultiInputException(
            $"task '{name}'", ModelComponent.Description, $"its head is a {Task(name).Head.GetType().Name}, not a {typeof(THead).Name}.", "Ask for its actual kind.");

    /// <summary>The description as JSON. Of the user's own modules it contains only the names.</summary>
    /// <returns>The JSON text.</returns>
    public string ToJson() => JsonSerializer.Serialize(this, JsonType);

    /// <summary>Reads a description written by <see cref="ToJson"/>.</summary>
    /// <param name="json">The JSON text.</param>
    /// <param name="customModules">
    /// For each of the user's own modules, by its name, the factory with which it was described, such as that of
    /// <see cref="MultiInputNet.Bases.From(string, int, Func{torch.nn.Module{torch.Tensor, torch.Tensor}})"/>.
    /// </param>
    /// <returns>The description.</returns>
    /// <exception cref="MultiInputException">
    /// The text is not a description, is of a newer version of this library, or names a module that is not given.
    /// </exception>
    public static ModelDescription FromJson(string json, IReadOnlyDictionary<string, Delegate>? customModules = null)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            CheckVersion(json);
            CheckNulls(json);
            var read = JsonSerializer.Deserialize(json, JsonType)
                ?? throw new JsonException("The text is 'null'.");
            return customModules is null ? read : CustomModules.Attach(read, customModules);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException or InvalidOperationException)
        {
            throw new MultiInputException(
                "model description", ModelComponent.Description, $"the JSON cannot be read: {e.Message}", "Give a text written by ToJson.", e);
        }
    }

    private static void CheckVersion(string json)
    {
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(VersionName, out var version)
            && FormatVersion.FindMistake(version.GetRawText(), NewestVersion) is var (problem, cure, _))
            throw new MultiInputException("model description", ModelComponent.Description, problem, cure);
    }

    // ToJson writes none: null values are omitted. The serialiser accepts nulls where a value is required, especially in lists.
    private static void CheckNulls(string json)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(json));
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.Null)
                throw new JsonException($"A value is null (byte {reader.TokenStartIndex:N0}).");
        }
    }

    /// <inheritdoc/>
    public bool Equals(ModelDescription? other) => other is not null && ToJson() == other.ToJson();

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ModelDescription);

    /// <inheritdoc/>
    public override int GetHashCode() => ToJson().GetHashCode(StringComparison.Ordinal);

    /// <summary>The description as JSON.</summary>
    /// <returns>The JSON text.</returns>
    public override string ToString() => ToJson();

    [JsonSerializable(typeof(ModelDescription))]
    private sealed partial class DescriptionJson : JsonSerializerContext;
}
