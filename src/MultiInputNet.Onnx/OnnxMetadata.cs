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
        file.ProducerVersion = typeof(OnnxMetadata).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";
        void Write(string key, string value) => file.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        Write(ModelFile.VersionKey, ModelDescription.NewestVersion.ToString(CultureInfo.InvariantCulture));
        Write(ModelFile.DescriptionKey, model.Description.ToJson());
        foreach (var input in file.Graph.Input)
        {
            if (model.Paths.FirstOrDefault(path => path.Name == input.Name) is { } path)
                input.DocString = Describe(path, model.Description.Inputs.First(its => its.Name == input.Name).Projection, options);
        }

        var tasks = (options.Tasks ?? [.. model.Description.Tasks.Select(task => task.Name)]).Distinct();
        foreach (var (task, output) in tasks.Zip(file.Graph.Output))
        {
            var (head, spec) = (model.Head(task) as TaskHead, model.Description.Task(task).Head);
            var kind = head?.PredictionKind ?? PredictionKind.Values;
            var isRaw = options.RawOutputs || head is null;
            Write(OutputKey + output.Name, JsonSerializer.Serialize(
                new OutputMetadata(task, JsonNamingPolicy.SnakeCaseLower.ConvertName($"{kind}"), isRaw, spec.OutputLabels, spec.OutputUnit), json.OutputMetadata));
            output.DocString = (isRaw, kind) switch
            {
                (true, _) => $"The output of the head of task '{task}'.",
                (_, PredictionKind.Class) => $"The probability of each class of task '{task}'.",
                (_, PredictionKind.Labels) => $"The probability of each label of task '{task}'.",
                _ => $"The values of task '{task}'{(spec.OutputUnit is { } unit ? $" in {unit}" : "")}.",
            };
        }
    }

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
        string.Join(' ', values.data<double>().ToArray().Select(value => value.ToString("G9", CultureInfo.InvariantCulture)));

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
