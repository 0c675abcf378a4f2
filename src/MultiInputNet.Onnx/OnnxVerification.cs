using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;
using TensorElementType = Microsoft.ML.OnnxRuntime.Tensors.TensorElementType;

namespace MultiInputNet.Onnx;

/// <summary>Runs an exported file beside its model.</summary>
internal static class OnnxVerification
{
    // Rounding differs by far less, and a wrong operation by far more.
    private const double Tolerance = 1e-3;

    /// <summary>Compares the outputs for a few samples.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">What was exported.</param>
    /// <param name="file">The file.</param>
    /// <exception cref="MultiInputException">They differ, or ONNX Runtime refuses the file.</exception>
    public static void Check(MultiInputModel model, OnnxOptions options, byte[] file)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var wasTraining = model.training;
        model.eval();
        try
        {
            using var session = new InferenceSession(file);
            var paths = OnnxMetadata.Paths(model, options);
            var inputs = paths.ToDictionary(path => path.Name, path => path.Spec.Example(count: 3));
            var expected = Expected(model, options, inputs);
            var values = new Dictionary<string, OrtValue>();
            var names = new Queue<string>(session.InputNames);
            foreach (var path in paths)
            {
                var batch = inputs[path.Name];
                if (!options.Standardize && path.Standardization is { } standardization)
                    batch = standardization.call(batch.to(model.Device)).cpu();
                var columns = OnnxMetadata.Columns(path, names.Peek());
                foreach (var (column, part) in columns.Zip(columns is [null] ? [batch] : batch.split(1, 1)))
                {
                    var name = names.Dequeue();
                    values.Add(name, Value(part, column, session.InputMetadata[name].ElementDataType));
                }
            }

            using var run = new RunOptions();
            using var results = session.Run(run, values, session.OutputNames);
            foreach (var (index, (task, numbers)) in expected.Index())
            {
                if (Difference(Numbers(results[index]), numbers) is var difference and not <= Tolerance)
                {
                    throw Refuse(
                        $"task '{task}'",
                        FormattableString.Invariant($"its outputs in ONNX Runtime differ from the model's by {difference:G2} of the largest one."),
                        "Compare what your modules export with their forward, and whether hooks or random numbers change it;");
                }
            }
        }
        catch (OnnxRuntimeException e)
        {
            throw Refuse("graph", $"ONNX Runtime cannot run it: {e.Message}", "Look at what your modules export there;", e);
        }
        finally
        {
            if (wasTraining)
                model.train();
        }
    }

    private static OrderedDictionary<string, double[]> Expected(MultiInputModel model, OnnxOptions options, Dictionary<string, Tensor> inputs)
    {
        var onDevice = inputs.ToDictionary(input => input.Key, input => input.Value.to(model.Device));
        var outputs = model.forward(onDevice, options.Tasks ?? [.. model.Description.Tasks.Select(task => task.Name)]);
        var expected = new OrderedDictionary<string, double[]>();
        foreach (var (task, output) in outputs)
        {
            var numbers = options.RawOutputs || model.Head(task) is not TaskHead head ? output : head.Answer(output);
            expected.Add(task, numbers.to(ScalarType.Float64).Numbers<double>());
        }

        return expected;
    }

    private static double Difference(double[] actual, double[] expected)
    {
        if (actual.Length != expected.Length)
            return double.PositiveInfinity;
        var largest = expected.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
        var difference = actual.Zip(expected, (a, b) => a.Equals(b) ? 0 : Math.Abs(a - b)).DefaultIfEmpty().Max();
        return difference == 0 ? 0 : difference / largest;
    }

    private static OrtValue Value(Tensor values, TabularColumn? column, TensorElementType type) => type switch
    {
        TensorElementType.String => Texts(values, ((CategoricalColumn)column!).Categories),
        TensorElementType.Int64 => Value<long>(values, ScalarType.Int64),
        TensorElementType.Double => Value<double>(values, ScalarType.Float64),
        _ => Value<float>(values, ScalarType.Float32),
    };

    private static OrtValue Value<T>(Tensor values, ScalarType type)
        where T : unmanaged => OrtValue.CreateTensorValueFromMemory(values.to(type).contiguous().data<T>().ToArray(), values.shape);

    private static OrtValue Texts(Tensor numbers, IReadOnlyList<string> categories)
    {
        var texts = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, numbers.shape);
        foreach (var (index, number) in numbers.to(ScalarType.Int64).Numbers<long>().Index())
            texts.StringTensorSetElementAt(number == 0 ? "?" : categories[(int)number - 1], index);
        return texts;
    }

    private static double[] Numbers(OrtValue value) => value.GetTensorTypeAndShape().ElementDataType == TensorElementType.Double
        ? value.GetTensorDataAsSpan<double>().ToArray()
        : Array.ConvertAll(value.GetTensorDataAsSpan<float>().ToArray(), number => (double)number);

    private static MultiInputException Refuse(string subject, string problem, string cure, Exception? cause = null) =>
        new(subject, ModelComponent.Description, problem, $"{cure} {nameof(OnnxOptions.Verify)} = false leaves this comparison out.", cause);
}
