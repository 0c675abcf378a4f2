using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The paths of a model's inputs to the features of their bases as one <see cref="InferenceProgram"/>, for a model that only answers and
/// whose weights no longer change: standardisation, projection or stem and first convolution are one convolution, and what follows
/// convolutions is folded into them.
/// </summary>
internal sealed class InferencePaths : IDisposable
{
    // Folding a standardisation subtracts the mean after the multiplication: with a mean of many deviations, digits would be lost.
    private const double LargestMean = 16;

    // Rounding differs by far less, and a wrong kernel by far more.
    private const double Tolerance = 1e-3;

    private readonly InferenceProgram program;
    private readonly Dictionary<string, Entry> entries;
    private readonly int batchSize;

    private InferencePaths(InferenceProgram program, Dictionary<string, Entry> entries, int batchSize) =>
        (this.program, this.entries, this.batchSize) = (program, entries, batchSize);

    /// <summary>Writes down the paths whose layers all say what they compute.</summary>
    /// <param name="paths">The paths of a model in single precision on the CPU.</param>
    /// <param name="batchSize">The size of batches that are to be fast.</param>
    /// <returns>Their program; null if there is none, or libtorch cannot run it on this machine.</returns>
    public static InferencePaths? Find(IReadOnlyList<InputPath> paths, int batchSize)
    {
        ThreadCount.Apply();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var constants = new InferenceConstants();
        var functions = new Dictionary<string, (string Body, string Result)>();
        var entries = new Dictionary<string, Entry>();
        foreach (var (index, path) in paths.Index())
        {
            try
            {
                var (graph, result, entry) = Trace($"input{index}", null);
                functions.Add(entry.Function, (graph.Body, result));
                (graph, result, var batches) = Trace($"{entry.Function}_batch", batchSize);
                if (graph.ConvolvesPointwise)
                {
                    functions.Add(batches.Function, (graph.Body, result));
                    entry = entry with { BatchFunction = batches.Function };
                }

                entries.Add(path.Name, entry);
            }
            catch (NotSupportedException)
            {
                // A module of the user's, or one without convolutions: it runs layer by layer.
            }

            (ScriptGraph Graph, string Result, Entry Entry) Trace(string function, long? batch)
            {
                var graph = new ScriptGraph(constants, path.Own?.ByLayer, path.Own?.AdaptersFollow == true, batch);
                var (result, entry) = InferencePaths.Trace(graph, path, function);
                return (graph, result, entry);
            }
        }

        if (functions.Count == 0)
            return null;
        try
        {
            return new(new(functions, constants), entries, batchSize);
        }
        catch (Exception e) when (e is System.Runtime.InteropServices.ExternalException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Whether batches of the given size are faster than others.</summary>
    public bool PrefersBatchSize => entries.Values.Any(entry => entry.BatchFunction is not null);

    /// <summary>Whether a path is in the program.</summary>
    public bool Contains(string input) => entries.ContainsKey(input);

    /// <summary>Runs a path.</summary>
    /// <param name="path">The path, one that the program has.</param>
    /// <param name="batch">A batch, raw as the input takes it.</param>
    /// <returns>The features.</returns>
    public Tensor Run(InputPath path, Tensor batch)
    {
        var entry = entries[path.Name];
        return Run(path, entry, batch.size(0) == batchSize && entry.BatchFunction is { } forBatches ? forBatches : entry.Function, batch);
    }

    /// <summary>Leaves out what does not compute what the layers do.</summary>
    /// <param name="paths">The paths.</param>
    /// <param name="layers">Runs a path layer by layer.</param>
    public void Check(IEnumerable<InputPath> paths, Func<InputPath, Tensor, Tensor> layers)
    {
        using var noGrad = no_grad();
        foreach (var path in paths.Where(path => Contains(path.Name)))
        {
            using var scope = NewDisposeScope();
            var sample = path.Spec.ZeroSample(CPU).expand([2, .. path.Spec.Shape]);
            if (path.Spec.NumericChannels.Count() == path.Spec.Shape[0])
            {
                var order = arange(sample.numel(), ScalarType.Float32).view(sample.shape);
                sample = (order * 0.7548777).frac();
                if (path.Standardization is { } standardization)
                    sample += standardization.Mean.to(ScalarType.Float32).view([-1, .. path.Spec.Shape.Skip(1).Select(_ => 1L)]);
            }

            var expected = layers(path, sample);
            var entry = entries[path.Name];

            // A single sample may have weights in another layout.
            if (!Agrees(entry.Function, sample, expected) || !Agrees(entry.Function, sample[..1], expected[..1]))
            {
                entries.Remove(path.Name);
                continue;
            }

            // In the very shape that it is for, since oneDNN may choose other kernels for others.
            var rows = arange(batchSize, ScalarType.Int64) % 2;
            if (entry.BatchFunction is { } forBatches && !Agrees(forBatches, sample.index_select(0, rows), expected.index_select(0, rows)))
                entries[path.Name] = entry with { BatchFunction = null };

            bool Agrees(string function, Tensor batch, Tensor results)
            {
                try
                {
                    return (Run(path, entry, function, batch) - results).abs().max().ToDouble() <= Tolerance * results.abs().max().ToDouble();
                }
                catch (System.Runtime.InteropServices.ExternalException)
                {
                    return false;
                }
            }
        }
    }

    public void Dispose() => program.Dispose();

    private Tensor Run(InputPath path, Entry entry, string function, Tensor batch)
    {
        using var scope = NewDisposeScope();
        var x = entry.Standardizes ? batch.to(ScalarType.Float32) : path.Standardize(batch, ScalarType.Float32);
        if (!entry.Projects)
            x = path.Projection.call(x);
        return program.Run(function, entry.TakesAnyLayout ? x : ChannelsLast.Of(x)).MoveToOuterDisposeScope();
    }

    private static (string Result, Entry Entry) Trace(ScriptGraph graph, InputPath path, string function)
    {
        var first = path.Base.FirstConvolution;
        var isMap = path.Spec.MapChannels is not null;
        var joins = isMap && first is not null && (path.Stem is not null || path.Folded is not null || path.Projection is TorchSharp.Modules.Identity);
        var input = new InferenceValue(isMap ? new(path.Spec.Shape[0], path.Spec.Shape[1], path.Spec.Shape[2]) : path.Projected) { Name = "input" };
        var entry = new Entry(
            function,
            Standardizes: joins && HasSmallMean(path.Standardization),
            Projects: joins || (isMap && path.Projection is IInferenceLayer),
            TakesAnyLayout: false);
        if (joins)
        {
            var (weight, bias, ones, origin) = Join(graph, path, first!, entry.Standardizes);
            var x = input;
            if (ones is not null || input.Shape.Channels == 1)
            {
                // A channel of ones, padded with zeros like all others, has what is added before the convolution as its weights.
                weight = cat([weight, (ones ?? zeros_like(weight[.., ..1])).view(weight.shape[0], 1, weight.shape[2], weight.shape[3])], 1);
                x = graph.WithOnes(input);
                entry = entry with { TakesAnyLayout = true };
            }

            graph.Entrance = (first!, () => graph.Convolve(new(x, weight, bias, origin)
            {
                Stride = first!.stride, Padding = first.padding ?? throw new NotSupportedException(first.GetName()), Dilation = first.dilation,
            }));
            input = x;
        }
        else if (entry.Projects)
            input = graph.Run(path.Projection, input);
        return (graph.Name(graph.Exact(graph.Run(path.Base, input))), entry);
    }

    /// <summary>What an input has before the first convolution, and that convolution, as one.</summary>
    private static (Tensor Weight, Tensor Bias, Tensor? Ones, object[] Origin) Join(
        ScriptGraph graph, InputPath path, TorchSharp.Modules.Conv2d first, bool standardizes)
    {
        var (weight, bias, origin) = graph.Weights(first);
        Tensor? ones = null;
        if (path.Stem?.Kernel is var (stem, stemBias))
            (weight, bias) = (InferenceGraph.Double(stem), InferenceGraph.Double(stemBias, stem.shape[0]));
        else if (path.Projection is InputProjection { Convolution: var projection })
        {
            if (first.groups > 1)
                throw new NotSupportedException(first.GetName());
            ones = einsum("ochw,c->ohw", weight, InferenceGraph.Double(projection.Bias, weight.shape[1]));
            weight = einsum("ochw,ci->oihw", weight, InferenceGraph.Double(projection.Weight).flatten(1));
        }

        if (standardizes && path.Standardization is { } standardization)
        {
            weight /= standardization.StandardDeviation.view(1, -1, 1, 1);
            var shift = -einsum("ochw,c->ohw", weight, standardization.Mean);
            ones = ones is null ? shift : ones + shift;
        }

        var isShared = path.Projection is TorchSharp.Modules.Identity && ones is null;
        return (weight, bias, ones, isShared ? [.. origin] : [.. origin, path]);
    }

    private static bool HasSmallMean(Standardization? standardization) =>
        standardization is null || (standardization.Mean.abs() / standardization.StandardDeviation).max().ToDouble() <= LargestMean;

    /// <summary>How a path enters its function.</summary>
    /// <param name="Function">The function.</param>
    /// <param name="Standardizes">Whether it standardises.</param>
    /// <param name="Projects">Whether it projects.</param>
    /// <param name="TakesAnyLayout">Whether it takes maps that are not channels-last.</param>
    private sealed record Entry(string Function, bool Standardizes, bool Projects, bool TakesAnyLayout)
    {
        /// <summary>The function for batches of the size that is to be fast, if it is another.</summary>
        public string? BatchFunction { get; init; }
    }
}
