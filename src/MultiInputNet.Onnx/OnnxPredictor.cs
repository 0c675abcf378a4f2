using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using MultiInputNet.Onnx.Schema;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>A <see cref="Predictor"/> that computes with ONNX Runtime instead of libtorch.</summary>
/// <remarks>
/// <para>Any number of threads may call it at the same time, and get the same answers, to the bit, as one thread would, for the same
/// batches. They differ from those of libtorch by rounding only.</para>
/// <para>ONNX Runtime's threads sleep while there is nothing to compute. By its own default they spin, which slows libtorch, and other
/// sessions, in the same process down; <see cref="OnnxPredictorOptions.Session"/> can turn that on again with
/// <c>session.intra_op.allow_spinning</c>.</para>
/// <para>Tasks that read the same inputs share a session. If some tasks combine inputs that others read alone, another session computes
/// all of them at once. Sessions are created when they are first needed, and each has the weights that it needs.</para>
/// </remarks>
public sealed class OnnxPredictor : IPredictor
{
    private readonly IReadOnlyList<OnnxPart> parts;
    private readonly Dictionary<string, InputSpec> inputs;
    private bool disposed;

    private OnnxPredictor(ModelDescription description, int batchSize, IReadOnlyList<OnnxPart> parts)
    {
        (Description, BatchSize, this.parts) = (description, batchSize, parts);
        inputs = description.Inputs.ToDictionary(input => input.Name, input => input.Spec);
    }

    /// <inheritdoc/>
    public ModelDescription Description { get; }

    /// <inheritdoc/>
    public int BatchSize { get; }

    /// <summary>Loads a model that <see cref="MultiInputModel.Save"/> or <see cref="OnnxExport"/> wrote.</summary>
    /// <param name="path">The file. One that does not end in <c>.onnx</c> is a model's own, which is exported in memory.</param>
    /// <param name="options">The device, threads, and what the file needs; the defaults when null.</param>
    /// <returns>The predictor.</returns>
    /// <exception cref="MultiInputException">
    /// As <see cref="MultiInputModel.Load"/> and <see cref="MultiInputModel.ToOnnx"/>; or an ONNX file is damaged, was not exported from a
    /// model, or takes standardised values or gives raw outputs; or a weight is NaN, or ONNX Runtime lacks the device.
    /// </exception>
    public static OnnxPredictor Load(string path, OnnxPredictorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new();
        var file = path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) ? new OnnxFile(path).Model : Export(path, options);
        var (description, tasks, batchSize) = OnnxMetadata.Read(file);
        CheckWeights(file);
        var predictor = new OnnxPredictor(description, batchSize, OnnxPart.Divide(file, tasks, options));
        try
        {
            predictor.parts[0].Open();
            return predictor;
        }
        catch (OnnxRuntimeException e)
        {
            predictor.Dispose();
            throw new MultiInputException($"file '{path}'", ModelComponent.Description, $"ONNX Runtime cannot run it: {e.Message}", "Export the model again.", e);
        }
        catch
        {
            predictor.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>A larger batch than <see cref="BatchSize"/> is run in pieces of that size.</remarks>
    public IReadOnlyDictionary<string, IReadOnlyList<Prediction>> PredictBatch(
        IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks = null) =>
        ModelCall.InPieces(inputs, BatchSize, piece => Run(piece, tasks));

    /// <inheritdoc/>
    public void Dispose()
    {
        disposed = true;
        foreach (var part in parts)
            part.Dispose();
    }

    private static ModelProto Export(string path, OnnxPredictorOptions options)
    {
        using var model = MultiInputModel.Load(path, CPU, options.CustomModules, largestPass: options.LargestPass ?? Limits.LargestPass);
        var export = new OnnxOptions { Exporters = options.Exporters };
        using var graph = model.ToOnnx(export);
        var file = OnnxExport.Model(graph);
        OnnxMetadata.Add(file, model, export);
        return file;
    }

    // With libtorch no answer would be finite, but ONNX Runtime's ReLU and max pooling make numbers of NaN.
    private static void CheckWeights(ModelProto file)
    {
        var wrong = file.Graph.Initializer.FirstOrDefault(weight =>
            weight.DataType == (int)TensorProto.Types.DataType.Float && MemoryMarshal.Cast<byte, float>(weight.RawData.Span).Contains(float.NaN));
        if (wrong is not null)
        {
            throw new MultiInputException(
                $"weight '{wrong.Name}'", ModelComponent.Description, "it holds NaN, so that no answer would be finite.", "Train the model again, with a smaller learning rate.");
        }
    }

    /// <summary>Whether ONNX Runtime can read a batch as it is. For one sample, calls of libtorch take as long as a small network.</summary>
    private static bool IsReady(Tensor batch, InputSpec spec) =>
        batch.device_type == DeviceType.CPU && batch.dtype == (spec.BatchType ?? ScalarType.Float32) && batch.is_contiguous();

    private Dictionary<string, IReadOnlyList<Prediction>> Run(IReadOnlyDictionary<string, Tensor> given, IReadOnlyCollection<string>? names)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ModelCall.CheckNames(Description, given.Keys);
        using var scope = NewDisposeScope();
        var batches = new Dictionary<string, Tensor>();
        foreach (var (name, batch) in given)
        {
            ModelCall.CheckThere(name, batch);
            batches.Add(name, IsReady(batch, inputs[name]) ? batch : ModelCall.Take(inputs[name], false, batch.detach(), CPU, ScalarType.Float32).contiguous());
        }

        var tasks = ModelCall.ChooseTasks(Description, given, names);
        foreach (var task in tasks)
            ModelCall.CheckJoined(task.Name, DescriptionChecks.Sources(task), batches);
        foreach (var name in tasks.SelectMany(DescriptionChecks.Sources).Distinct())
            ModelCall.CheckBatch(name, inputs[name], inputs[name].Mean is not null || inputs[name].TakesAnyFloat, batches[name], ScalarType.Float32, CPU);
        foreach (var task in tasks)
            ModelCall.CheckFinite(Description, task, batches);
        var answers = new Dictionary<string, IReadOnlyList<Prediction>>();
        foreach (var part in parts)
            part.Run(tasks, batches, answers);
        return tasks.ToDictionary(task => task.Name, task => answers[task.Name]);
    }
}
