using MultiInputNet.Onnx;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <content>As operations of ONNX.</content>
public sealed partial class MultiInputModel
{
    /// <summary>What the model computes in evaluation mode as operations of ONNX. The package MultiInputNet.Onnx writes them to a file.</summary>
    /// <remarks>
    /// Inputs have the names of the model's inputs, and any batch size. Where a name is taken already, <c>_1</c> is added. The output of a task is <c>TASK_probabilities</c> or
    /// <c>TASK_values</c>, or <c>TASK_output</c> for <see cref="OnnxOptions.RawOutputs"/>.
    /// </remarks>
    /// <param name="options">The tasks and what the graph does; all tasks and the defaults when null.</param>
    /// <returns>The graph. It refers to the model's weights and is to be disposed of before the model.</returns>
    /// <exception cref="MultiInputException">
    /// The model is not in single precision, a module does not say which operations it computes, or needs a fixed size.
    /// </exception>
    public OnnxGraph ToOnnx(OnnxOptions? options = null)
    {
        options ??= new();
        ObjectDisposedException.ThrowIf(disposed, this);
        if (DeviceAndType.Type is not ScalarType.Float32)
        {
            throw new MultiInputException(
                "model", ModelComponent.Description, $"it is of type {DeviceAndType.Type}, but only single precision is exported.", "Convert it with .to(ScalarType.Float32).");
        }

        var tasks = (options.Tasks ?? [.. routes.Keys]).Distinct().Select(FindRoute).ToArray();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraph(this, options.Exporters);
        try
        {
            var features = new Dictionary<string, OnnxValue>();
            foreach (var path in paths.Values.Where(path => tasks.Any(task => task.Inputs.Contains(path.Name))))
                features.Add(path.Name, Export(graph, path, options));
            foreach (var task in tasks)
            {
                var output = graph.Run(task.Head, graph.Run(task.Fusion, [.. task.Inputs.Select(name => features[name])]));
                if (options.RawOutputs || task.Head is not TaskHead head)
                    graph.Output($"{task.Task}_output", output);
                else
                    graph.Output($"{task.Task}_{(head.PredictionKind == PredictionKind.Values ? "values" : "probabilities")}", head.ExportAnswer(graph, output));
            }

            return graph;
        }
        catch
        {
            graph.Dispose();
            throw;
        }
    }

    private static OnnxValue Export(OnnxGraph graph, InputPath path, OnnxOptions options)
    {
        var x = options.ColumnsOf(path.Spec) is { } columns
            ? graph.Join([.. columns.Select(column => ExportColumn(graph, path.Name, column))], 1)
            : ExportInput(graph, path, options);
        graph.Begin(path.Own?.ByLayer, path.Own?.AdaptersFollow == true);
        if (path.Standardization is { } standardization && options.Standardize)
            x = graph.Run(standardization, x);
        if (path.Stem is { } stem)
            graph.Replace(path.Base.FirstConvolution!, stem.Kernel.Weight, stem.Kernel.Bias, x);
        else
            x = graph.Run(path.Projection, x);
        var features = graph.Run(path.Base, x);
        if (features.Shape.Count > 0)
            return features;

        // A base that does not know the sizes of its result.
        return features.As(!options.DynamicSize ? [-1, .. path.Features.Sizes]
            : path.Features is MapShape ? [-1, path.Features.Channels, -1, -1] : [-1, -1, path.Features.Channels]);
    }

    private static OnnxValue ExportInput(OnnxGraph graph, InputPath path, OnnxOptions options)
    {
        long[] shape = path.Spec.MapChannels is { } channels && options.DynamicSize ? [-1, channels, -1, -1] : [-1, .. path.Spec.Shape];
        return graph.Input(path.Name, path.Spec.BatchType ?? ScalarType.Float32, shape);
    }

    private static OnnxValue ExportColumn(OnnxGraph graph, string input, TabularColumn column)
    {
        var name = $"{input}.{column.Name}";
        if (column is not CategoricalColumn categorical)
            return graph.Input(name, ScalarType.Float32, -1, 1);
        return graph.Node(
            "LabelEncoder",
            [graph.Input(name, null, -1, 1)],
            [-1, 1],
            ScalarType.Float32,
            [
                ("keys_strings", categorical.Categories.ToArray()),
                ("values_floats", categorical.Categories.Select((_, index) => index + 1.0).ToArray()),
                ("default_float", 0.0),
            ],
            OnnxGraph.MachineLearningDomain);
    }
}
