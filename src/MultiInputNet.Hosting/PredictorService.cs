using System.Text.Json;
using Microsoft.Extensions.Options;
using System.Diagnostics.Metrics;
using static TorchSharp.torch;

namespace MultiInputNet.Hosting;

/// <summary>What the endpoints share: the predictor, what it is, and the limits.</summary>
internal sealed class PredictorService
{
    public PredictorService(BatchingPredictor predictor, IOptions<MultiInputPredictorOptions> options, IMeterFactory meters)
    {
        (Predictor, Options) = (predictor, options.Value);
        Metrics = new(meters, predictor);
        var description = predictor.Description;

        // The answer for a sample of zeros says what a task's answers are, heads of the user's own included; and it warms the model up.
        using var scope = NewDisposeScope();
        var zero = description.Inputs.ToDictionary(input => input.Name, input => zeros([1, .. input.Spec.Shape], input.Spec is TokenInput ? ScalarType.Int64 : ScalarType.Float32));
        var answers = predictor.PredictBatch(zero);
        Model = JsonSerializer.SerializeToUtf8Bytes(
            new ModelAnswer(
                [.. description.Inputs.Select(Describe)],
                [.. description.Tasks.Select(task => Describe(task, answers[task.Name][0]))],
                Options.LargestRequest,
                Options.LargestImage),
            AnswerJson.Default.ModelAnswer);
    }

    public BatchingPredictor Predictor { get; }

    public MultiInputPredictorOptions Options { get; }

    public PredictorMetrics Metrics { get; }

    /// <summary>The body of <c>GET /model</c>.</summary>
    public byte[] Model { get; }

    /// <summary>Decoding an image takes much memory, so that only some are decoded at the same time.</summary>
    public SemaphoreSlim Decoding { get; } = new(Environment.ProcessorCount);

    private static InputAnswer Describe(InputDescription input) => new(input.Name, input.Spec.Kind, input.Spec.Shape)
    {
        Vocabulary = (input.Spec as TokenInput)?.Vocabulary,
        Columns = (input.Spec as TabularInput)?.Columns?.Select(column =>
            new ColumnAnswer(column.Name, column is CategoricalColumn ? "category" : "number", (column as CategoricalColumn)?.Categories)).ToArray(),
        Mean = input.Spec.Mean,
        StandardDeviation = input.Spec.StandardDeviation,
    };

    private static TaskAnswer Describe(TaskDescription task, Prediction answer)
    {
        var inputs = task.From ?? [task.Name];
        return answer.Kind switch
        {
            PredictionKind.Class => new(task.Name, inputs, "class") { Classes = [.. answer.Classes.Select(named => named.Name)] },
            PredictionKind.Labels => new(task.Name, inputs, "labels") { Labels = [.. answer.Labels.Select(named => named.Name)] },
            _ => new(task.Name, inputs, "values") { Values = answer.Values.Count, Names = answer.ValueNames, Unit = answer.Unit },
        };
    }
}
