using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using MultiInputNet.Onnx.Schema;
using TorchSharp;
using static TorchSharp.torch;
using TensorElementType = Microsoft.ML.OnnxRuntime.Tensors.TensorElementType;

namespace MultiInputNet.Onnx;

/// <summary>How the answers of a task are made of an output of a graph.</summary>
/// <param name="task">The task.</param>
/// <param name="output">The name of the output.</param>
/// <param name="kind">What kind of answers they are.</param>
/// <param name="mayBeInfinite">Whether they may be infinite.</param>
internal sealed class OnnxTask(TaskDescription task, string output, PredictionKind kind, bool mayBeInfinite)
{
    /// <summary>The task.</summary>
    public TaskDescription Task => task;

    /// <summary>The inputs that it reads.</summary>
    public IReadOnlyList<string> Inputs { get; } = DescriptionChecks.Sources(task);

    /// <summary>The name of its output.</summary>
    public string Output => output;

    /// <summary>The answers for an output.</summary>
    /// <param name="value">The output.</param>
    /// <param name="count">The number of samples.</param>
    public Prediction[] Answer(OrtValue value, int count)
    {
        var numbers = value.GetTensorDataAsSpan<float>();
        var wide = new double[numbers.Length];
        for (var i = 0; i < wide.Length; i++)
            wide[i] = numbers[i];
        return Answers.Of(task.Name, kind, mayBeInfinite, task.Head, wide, count);
    }
}

/// <summary>
/// Tasks of a model that no other shares an input with. ONNX Runtime runs a whole graph, and needs all of its inputs: a session of its own
/// computes the tasks that read the same inputs, unless all are asked for.
/// </summary>
internal sealed class OnnxPart : IDisposable
{
    private readonly RunOptions options = new();
    private readonly IReadOnlyList<OnnxTask> tasks;
    private readonly Lazy<InferenceSession> session;
    private readonly string[] inputs;

    // Those that read the same inputs; none if all do.
    private readonly OnnxPart[] groups;

    private OnnxPart(ModelProto model, IReadOnlyList<OnnxTask> tasks, OnnxPredictorOptions predictor)
    {
        this.tasks = tasks;
        inputs = [.. tasks.SelectMany(task => task.Inputs).Distinct()];
        session = new(() => Open(model, tasks, predictor));
        var same = tasks.GroupBy(task => string.Join('\n', task.Inputs.Order(StringComparer.Ordinal))).ToArray();
        groups = same.Length == 1 ? [] : [.. same.Select(group => new OnnxPart(model, [.. group], predictor))];
    }

    /// <summary>Divides the tasks of a model.</summary>
    public static IReadOnlyList<OnnxPart> Divide(ModelProto model, IReadOnlyList<OnnxTask> tasks, OnnxPredictorOptions options)
    {
        var parts = new List<List<OnnxTask>>();
        foreach (var task in tasks)
        {
            var joined = parts.FindAll(part => part.Exists(other => other.Inputs.Intersect(task.Inputs).Any()));
            parts.RemoveAll(joined.Contains);
            parts.Add([.. joined.SelectMany(part => part), task]);
        }

        return [.. parts.Select(part => new OnnxPart(model, part, options))];
    }

    /// <summary>Creates its session, which is otherwise created when it is needed.</summary>
    public void Open() => _ = session.Value;

    /// <summary>Runs those of its tasks that are asked for.</summary>
    /// <param name="asked">The tasks of the call.</param>
    /// <param name="batches">The batches of their inputs.</param>
    /// <param name="answers">Receives the answers.</param>
    public void Run(IReadOnlyList<TaskDescription> asked, Dictionary<string, Tensor> batches, Dictionary<string, IReadOnlyList<Prediction>> answers)
    {
        var chosen = tasks.Where(task => asked.Contains(task.Task, ReferenceEqualityComparer.Instance)).ToArray();
        if (chosen.Length == 0)
            return;
        if (groups.Length > 0 && !Array.TrueForAll(groups, group => group.tasks.Intersect(chosen).Any()))
        {
            foreach (var group in groups)
                group.Run(asked, batches, answers);
            return;
        }

        var values = new List<OrtValue>();
        try
        {
            foreach (var name in inputs)
                values.Add(Of(batches[name]));
            using var outputs = session.Value.Run(options, inputs, values, Array.ConvertAll(chosen, task => task.Output));
            foreach (var (index, task) in chosen.Index())
                answers.Add(task.Task.Name, task.Answer(outputs[index], (int)batches[task.Inputs[0]].size(0)));
        }
        finally
        {
            values.ForEach(value => value.Dispose());
        }
    }

    public void Dispose()
    {
        if (session.IsValueCreated)
            session.Value.Dispose();
        options.Dispose();
        foreach (var group in groups)
            group.Dispose();
    }

    /// <summary>A value in the memory of a contiguous tensor, which must outlive it.</summary>
    private static unsafe OrtValue Of(Tensor batch)
    {
        var type = batch.dtype switch
        {
            ScalarType.Float32 => TensorElementType.Float,
            ScalarType.Int64 => TensorElementType.Int64,
            var other => throw new NotSupportedException($"{other}"),
        };
        fixed (byte* memory = batch.bytes) // native memory, which does not move
            return OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, Shapes.Of(batch), (nint)memory, batch.bytes.Length);
    }

    private static InferenceSession Open(ModelProto model, IReadOnlyList<OnnxTask> tasks, OnnxPredictorOptions predictor)
    {
        using var options = new SessionOptions();
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        if (predictor.Threads is { } threads)
            options.IntraOpNumThreads = threads;
        var hasCuda = OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider");
        if (predictor.Device == DeviceType.CUDA && !hasCuda)
        {
            throw new MultiInputException(
                "device", ModelComponent.Description, "ONNX Runtime in this program has no CUDA.", "Reference the package Microsoft.ML.OnnxRuntime.Gpu, or leave the device out.");
        }

        if (hasCuda && predictor.Device != DeviceType.CPU)
            options.AppendExecutionProvider_CUDA();
        predictor.Session?.Invoke(options);
        return new(Only(model, [.. tasks.Select(task => task.Output)]).ToByteArray(), options);
    }

    /// <summary>What of a graph its outputs need.</summary>
    private static ModelProto Only(ModelProto model, HashSet<string> outputs)
    {
        var graph = model.Graph;
        var needed = new HashSet<string>(outputs);
        var nodes = new List<NodeProto>();
        foreach (var node in graph.Node.Reverse().Where(node => node.Output.Any(needed.Contains)))
        {
            nodes.Add(node);
            needed.UnionWith(node.Input);
        }

        nodes.Reverse();
        var only = new GraphProto { Name = graph.Name };
        only.Node.AddRange(nodes);
        only.Initializer.AddRange(graph.Initializer.Where(constant => needed.Contains(constant.Name)));
        only.Input.AddRange(graph.Input.Where(input => needed.Contains(input.Name)));
        only.Output.AddRange(graph.Output.Where(output => outputs.Contains(output.Name)));
        var part = new ModelProto { IrVersion = model.IrVersion, Graph = only };
        part.OpsetImport.AddRange(model.OpsetImport);
        return part;
    }
}
