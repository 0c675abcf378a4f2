using System.Globalization;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using MultiInputNet.Onnx.Schema;

namespace MultiInputNet.Onnx;

/// <summary>What an exported file says about itself; <see cref="OnnxExport"/> lists it.</summary>
internal static partial class OnnxMetadata
{
    /// <summary>The start of the key of an output's metadata, followed by the output's name.</summary>
    public const string OutputKey = "multi_input_net.output.";

    // Of the predictor: whether the graph standardises, and how many samples run at once.
    private const string RawInputsKey = "multi_input_net.raw_inputs";
    private const string BatchSizeKey = "multi_input_net.batch_size";

    private static readonly OutputJson json = new(new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    });

    /// <summary>Describes a model's inputs and outputs in its file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">What was exported.</param>
    public static void Add(ModelProto file, MultiInputModel model, OnnxOptions options)
    {
        file.ProducerName = "MultiInputNet";
        var version = typeof(OnnxMetadata).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        file.ProducerVersion = version?.Split('+')[0] ?? "";
        void Write(string key, string value) => file.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        Write(ModelFile.VersionKey, ModelDescription.NewestVersion.ToString(CultureInfo.InvariantCulture));
        Write(ModelFile.DescriptionKey, model.Description.ToJson());
        Write(RawInputsKey, options.Standardize ? "true" : "false");

        // Maps of up to 256 MiB: ONNX Runtime keeps its memory, so that larger batches than libtorch's are no slower.
        Write(BatchSizeKey, Math.Min(512, 4L * model.BatchSize).ToString(CultureInfo.InvariantCulture));
        var inputs = new Queue<ValueInfoProto>(file.Graph.Input);
        foreach (var path in Paths(model, options))
        {
            foreach (var column in Columns(path, inputs.Peek().Name))
            {
                var projection = model.Description.Inputs.First(its => its.Name == path.Name).Projection;
                inputs.Dequeue().DocString = column is null ? Describe(path, projection, options) : DescribeText(column);
            }
        }

        var tasks = (options.Tasks ?? [.. model.Description.Tasks.Select(task => task.Name)]).Distinct();
        foreach (var (task, output) in tasks.Zip(file.Graph.Output))
        {
            var (head, spec) = (model.Head(task) as TaskHead, model.Description.Task(task).Head);
            var kind = head?.PredictionKind ?? PredictionKind.Values;
            var isRaw = options.RawOutputs || head is null;
            Write(OutputKey + output.Name, JsonSerializer.Serialize(
                new OutputMetadata(task, Name(kind), isRaw, spec.OutputLabels, spec.OutputUnit), json.OutputMetadata));
            output.DocString = (isRaw, kind) switch
            {
                (true, _) => $"The output of the head of task '{task}'.",
                (_, PredictionKind.Class) => $"The probability of each class of task '{task}'.",
                (_, PredictionKind.Labels) => $"The probability of each label of task '{task}'.",
                _ => $"The values of task '{task}'{(spec.OutputUnit is { } unit ? $" in {unit}" : "")}.",
            };
        }
    }

    /// <summary>What an exported file says to a predictor.</summary>
    /// <param name="file">The file.</param>
    /// <returns>The inputs and tasks that the file has, how the answers are made, and how many samples to run at once.</returns>
    /// <exception cref="MultiInputException">It was not exported from a model, or is not of a kind that a predictor takes.</exception>
    public static (ModelDescription Description, OnnxTask[] Tasks, int BatchSize) Read(ModelProto file)
    {
        try
        {
            var metadata = file.MetadataProps.ToDictionary(entry => entry.Key, entry => entry.Value);
            if (!metadata.TryGetValue(ModelFile.DescriptionKey, out var text))
                throw Wrong("it does not say which model it was exported from.", $"Give a file written by {nameof(OnnxExport.ExportOnnx)}, or the model's own.");
            if (FormatVersion.FindMistake(metadata.GetValueOrDefault(ModelFile.VersionKey), ModelDescription.NewestVersion) is var (problem, cure, _))
                throw Wrong(problem, cure);
            if (metadata.GetValueOrDefault(RawInputsKey) != "true")
                throw Wrong("it takes standardised values.", $"Export it with {nameof(OnnxOptions.Standardize)}.");
            var described = ModelDescription.FromJson(text);
            var tasks = new List<OnnxTask>();
            foreach (var output in file.Graph.Output)
            {
                var its = JsonSerializer.Deserialize(metadata[OutputKey + output.Name], json.OutputMetadata)!;
                var task = described.Task(its.Task);
                var isCustom = task.Head is ICustomSpec;
                var kind = Enum.GetValues<PredictionKind>().First(kind => Name(kind) == its.Kind);
                if (its.Raw && !(isCustom && kind == PredictionKind.Values))
                    throw Wrong($"its output '{output.Name}' is that of the head.", $"Export it without {nameof(OnnxOptions.RawOutputs)}.");
                tasks.Add(new(task, output.Name, kind, mayBeInfinite: isCustom));
            }

            var inputs = described.Inputs.Where(input => file.Graph.Input.Any(given => given.Name == input.Name)).ToArray();
            var names = inputs.ToDictionary(input => input.Name);
            if (tasks.Count == 0 || tasks.DistinctBy(task => task.Task).Count() < tasks.Count || !tasks.TrueForAll(task => task.Inputs.All(names.ContainsKey)))
                throw Wrong("its inputs and outputs are not those of a model.", "Export the model again.");
            return (
                new(inputs, described.Bases, [.. tasks.Select(task => task.Task)], described.Fusion, described.SharesFusion),
                [.. tasks],
                Math.Max(1, int.Parse(metadata[BatchSizeKey], CultureInfo.InvariantCulture)));
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or KeyNotFoundException or JsonException or FormatException or OverflowException)
        {
            throw new MultiInputException("ONNX file", ModelComponent.Description, $"its metadata is damaged: {e.Message}", "Export the model again.", e);
        }
    }

    private static MultiInputException Wrong(string problem, string cure) => new("ONNX file", ModelComponent.Description, problem, cure);

    private static string Name(PredictionKind kind) => JsonNamingPolicy.SnakeCaseLower.ConvertName($"{kind}");

    /// <summary>The paths of the inputs of a graph, in its order.</summary>
    public static IReadOnlyList<InputPath> Paths(MultiInputModel model, OnnxOptions options)
    {
        var tasks = model.Routes.Where(route => options.Tasks?.Contains(route.Task) != false).ToArray();
        return [.. model.Paths.Where(path => tasks.Any(task => task.Inputs.Contains(path.Name)))];
    }

    /// <summary>The columns that are inputs of their own, where the first input of a path is one; otherwise one null, for all.</summary>
    public static IReadOnlyList<TabularColumn?> Columns(InputPath path, string first) =>
        first.StartsWith($"{path.Name}.", StringComparison.Ordinal) ? [.. path.Spec.TableColumns!.Value.Described!] : [null];

    private static string DescribeText(TabularColumn column) => column is CategoricalColumn { Categories: var categories }
        ? $"A category: {string.Join(", ", categories)}."
        : "A number, NaN where it is missing.";

    private static string Describe(InputPath path, ProjectionSpec? projection, OnnxOptions options)
    {
        var lines = new List<string> { $"{path.Spec.Kind}, (batch, {string.Join(", ", path.Spec.Shape)})." };
        if (path.Spec.TokenCount is { } tokens)
            lines.Add($"Numbers of tokens, from 0 to {tokens - 1}.");
        if (projection?.FindBands(path.Spec) is { Count: > 0 } bands)
            lines.Add($"Channels: {string.Join(", ", bands)}.");
        if (path.Spec.TableColumns?.Described is { } columns)
            lines.Add($"Columns: {string.Join("; ", columns.Select(Describe))}.");
        if (path.Standardization is { } standardization)
        {
            lines.Add(options.Standardize ? "Raw values; the graph subtracts the mean and divides by the deviation." : "Standardised values.");
            lines.Add($"Mean: {Numbers(standardization.Mean)}. Deviation: {Numbers(standardization.StandardDeviation)}.");
        }

        return string.Join('\n', lines);
    }

    private static string Describe(TabularColumn column) => column is CategoricalColumn { Categories: var categories }
        ? $"{column.Name}, a category: {string.Join(", ", categories.Select((name, i) => $"{i + 1} {name}"))}, 0 unknown"
        : $"{column.Name}, a number, NaN where it is missing";

    private static string Numbers(TorchSharp.torch.Tensor values) =>
        string.Join(' ', values.Numbers<double>().Select(value => value.ToString("G9", CultureInfo.InvariantCulture)));

    /// <summary>The metadata of an output.</summary>
    /// <param name="Task">The task.</param>
    /// <param name="Kind">What the numbers are: <c>class</c> or <c>labels</c> for probabilities, or <c>values</c>.</param>
    /// <param name="Raw">Whether they are the output of the head instead, such as logits.</param>
    /// <param name="Names">The names of the classes, labels or values; null if they have none.</param>
    /// <param name="Unit">The unit of the values; null if none is stated.</param>
    internal sealed record OutputMetadata(string Task, string Kind, bool Raw, IReadOnlyList<string>? Names, string? Unit);

    [JsonSerializable(typeof(OutputMetadata))]
    private sealed partial class OutputJson : JsonSerializerContext;
}
