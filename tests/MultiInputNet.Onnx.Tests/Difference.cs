using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;
using TensorElementType = Microsoft.ML.OnnxRuntime.Tensors.TensorElementType;

namespace MultiInputNet.Onnx.Tests;

/// <summary>Compares an ONNX file with the model that it was made from.</summary>
internal static class Difference
{
    /// <summary>The largest difference of an output, relative to the largest of its numbers.</summary>
    private const double Tolerance = 1e-5;

    private static readonly RunOptions run = new();

    /// <summary>What differs; null if nothing does, at batches of 1, 3 and 64.</summary>
    public static string? Find(MultiInputModel model, OnnxOptions options, byte[] file, int seed)
    {
        using var sessionOptions = new SessionOptions { IntraOpNumThreads = 1 };
        using var session = new InferenceSession(file, sessionOptions);
        foreach (var batch in new[] { 1, 3, 64 })
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator((ulong)seed, CPU);
            var inputs = model.Description.Inputs.Where(input => TextColumns(options, input.Spec) is not null
                ? session.InputNames.Any(name => name.StartsWith($"{input.Name}.", StringComparison.Ordinal))
                : session.InputNames.Contains(input.Name)).ToDictionary(input => input.Name, input => Samples(
                    model, input, batch, options, session.InputMetadata.GetValueOrDefault(input.Name)?.ElementDataType ?? TensorElementType.Float, generator));
            var expected = Expected(model, inputs.ToDictionary(input => input.Key, input => input.Value.Raw), options);
            var values = inputs.SelectMany(input => Values(input.Key, input.Value.Given, TextColumns(options, model.Description.Inputs.First(its => its.Name == input.Key).Spec)))
                .ToDictionary(value => value.Name, value => value.Value);
            using var results = session.Run(run, values, session.OutputNames);
            if (!session.OutputNames.SequenceEqual(expected.Keys))
                return $"outputs {string.Join(", ", session.OutputNames)} instead of {string.Join(", ", expected.Keys)}";
            foreach (var (name, result) in session.OutputNames.Zip(results))
            {
                var actual = Numbers(result);
                var difference = Between(actual, expected[name]);
                if (!(difference <= Tolerance) && !IsRounding(model, options, inputs.ToDictionary(input => input.Key, input => input.Value.Raw), name, actual, expected[name]))
                    return $"'{name}' differs by {difference:g3} at a batch of {batch}";
            }
        }

        return null;
    }

    /// <summary>The columns of an input that the file takes one by one, categories as text; null for other inputs.</summary>
    public static IReadOnlyList<TabularColumn>? TextColumns(OnnxOptions options, InputSpec spec) =>
        options.CategoriesAsText && spec is TabularInput { Columns: { } columns } && columns.Any(column => column is CategoricalColumn) ? columns : null;

    private static double Between(double[] actual, double[] expected) => actual.Length != expected.Length
        ? double.PositiveInfinity
        : actual.Zip(expected, (a, b) => Math.Abs(a - b)).Max() / expected.Max(Math.Abs);

    /// <summary>
    /// Whether ONNX Runtime is right and the difference one of single precision, by the model in double precision: the variance of values
    /// that are nearly equal, for one, is mostly what was rounded. How much shows in the model's own distance from its exact results, which
    /// another order of additions may multiply; beyond a hundredth, the model itself is wrong (see docs/ARCHITECTURE.md on libtorch).
    /// </summary>
    private static bool IsRounding(MultiInputModel model, OnnxOptions options, Dictionary<string, Tensor> inputs, string name, double[] actual, double[] expected)
    {
        model.to(ScalarType.Float64);
        var exact = Expected(model, inputs.ToDictionary(input => input.Key, input => input.Value.is_floating_point() ? input.Value.to(ScalarType.Float64) : input.Value), options)[name];
        model.to(ScalarType.Float32);
        var own = Between(expected, exact);
        return own < 1e-2 && Between(actual, exact) <= Math.Max(Tolerance, 8 * Math.Min(own, 1e-4));
    }

    /// <summary>Samples as the model takes them and as the file does.</summary>
    private static (Tensor Raw, Tensor Given) Samples(
        MultiInputModel model, InputDescription input, int batch, OnnxOptions options, TensorElementType type, Generator generator)
    {
        var shape = (long[])[batch, .. input.Spec.Shape];
        if (input.Spec is TokenInput tokens)
        {
            var numbers = (rand(shape, generator: generator) * tokens.Vocabulary).floor().to(ScalarType.Int64);
            return (numbers, numbers);
        }

        var standardized = randn(shape, type == TensorElementType.Double ? ScalarType.Float64 : ScalarType.Float32, generator: generator);
        if (input.Spec is TabularInput { Columns: { } columns })
        {
            foreach (var (index, column) in columns.Index())
            {
                var values = standardized.select(1, index);
                if (column is CategoricalColumn { Categories.Count: var count })
                    values.copy_((rand([batch], generator: generator) * (count + 1)).floor());
                values.masked_fill_(rand([batch], generator: generator) < 0.15, double.NaN);
            }
        }

        var state = model.state_dict();
        if (!state.TryGetValue($"input_standardizations.{input.Name}.mean", out var mean))
            return (standardized, standardized);
        var channels = (long[])[-1, .. Enumerable.Repeat(1L, shape.Length - 2)];
        var deviation = state[$"input_standardizations.{input.Name}.standard_deviation"];
        var raw = (standardized * deviation.view(channels) + mean.view(channels)).to(standardized.dtype);
        return (raw, options.Standardize ? raw : ((raw - mean.view(channels)) / deviation.view(channels)).to(standardized.dtype));
    }

    private static OrderedDictionary<string, double[]> Expected(MultiInputModel model, Dictionary<string, Tensor> inputs, OnnxOptions options)
    {
        var expected = new OrderedDictionary<string, double[]>();
        using var noGrad = no_grad();
        var tasks = options.Tasks ?? [.. model.Description.Tasks.Select(task => task.Name)];
        foreach (var (task, output) in model.forward(inputs, tasks))
        {
            if (options.RawOutputs)
                expected.Add($"{task}_output", Numbers(output));
            else if (model.Head(task) is TaskHead head)
                expected.Add($"{task}_{(head.PredictionKind == PredictionKind.Values ? "values" : "probabilities")}", Numbers(head.Answer(output)));
        }

        return expected;
    }

    private static double[] Numbers(Tensor values) => values.to(ScalarType.Float64).contiguous().data<double>().ToArray();

    private static double[] Numbers(OrtValue values) => values.GetTensorTypeAndShape().ElementDataType == TensorElementType.Double
        ? values.GetTensorDataAsSpan<double>().ToArray()
        : [.. values.GetTensorDataAsSpan<float>().ToArray().Select(value => (double)value)];

    /// <summary>What a file takes of an input: a batch, or a column each of a table whose categories are text.</summary>
    private static IEnumerable<(string Name, OrtValue Value)> Values(string input, Tensor batch, IReadOnlyList<TabularColumn>? columns)
    {
        if (columns is null)
            return [(input, Value(batch))];
        return columns.Index().Select(column => ($"{input}.{column.Item.Name}", column.Item is CategoricalColumn its
            ? Text([.. batch.select(1, column.Index).to(ScalarType.Float64).contiguous().data<double>().ToArray().Select(
                number => number >= 1 ? its.Categories[(int)number - 1] : "unheard of")])
            : Value(batch.select(1, column.Index).unsqueeze(1))));
    }

    private static OrtValue Text(string[] cells)
    {
        var value = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, [cells.Length, 1]);
        foreach (var (index, cell) in cells.Index())
            value.StringTensorSetElementAt(cell, index);
        return value;
    }

    private static OrtValue Value(Tensor values) => values.dtype switch
    {
        ScalarType.Int64 => OrtValue.CreateTensorValueFromMemory(values.data<long>().ToArray(), values.shape),
        ScalarType.Float64 => OrtValue.CreateTensorValueFromMemory(values.contiguous().data<double>().ToArray(), values.shape),
        _ => OrtValue.CreateTensorValueFromMemory(values.contiguous().data<float>().ToArray(), values.shape),
    };
}
