using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>Describes a base by the nodes of a graph, without their weights. Created with <see cref="Bases.Graph"/>.</summary>
/// <param name="Channels">The number of channels that the base takes.</param>
/// <param name="Nodes">Its operations, each after those whose results it takes; the last one's result is the base's.</param>
internal sealed record GraphSpec(int Channels, IReadOnlyList<GraphNode> Nodes) : BaseSpec(Channels)
{
    /// <summary>What a node calls the map that the base takes.</summary>
    public const string Input = "input";

    private const int MostNodes = 20_000;

    /// <summary>The values of its weights, by their names in the base's <c>state_dict</c>; weights without any start as torch's do.</summary>
    [JsonIgnore]
    internal IReadOnlyDictionary<string, float[]> Values { get; init; } = new Dictionary<string, float[]>();

    /// <summary>As many as whoever made the description allowed. Where a model is read from a file, whoever reads it does.</summary>
    internal override long LargestPass => Allowed;

    [JsonIgnore]
    internal long Allowed { get; init; } = long.MaxValue;

    internal override SampleMixing Mixing => Nodes.Any(node => node.Operation == "BatchNormalization") ? SampleMixing.InTraining : SampleMixing.Never;

    internal override SharedBase Create() => new GraphBase(this);

    internal override ProjectionSpec DefaultProjection(InputSpec input) =>
        input.MapChannels == Channels ? Projections.Identity() : base.DefaultProjection(input);

    internal override Int128 CountWeights() => Nodes.Where(node => node.Operation != "Constant" && node.Shape is not null)
        .Aggregate((Int128)0, (sum, node) => sum + Count(node.Shape!));

    internal override Int128 FirstWeightsPerChannel => FirstConvolution is { } first ? Count(first.Shape!) / first.Shape![1] : 0;

    /// <summary>The convolution that alone takes the base's input and pads it evenly; null if there is none.</summary>
    internal GraphNode? FirstConvolution => Nodes.Where(node => node.Inputs.Contains(Input)).ToArray() is [{ Operation: "Conv" } conv]
        && new GraphCall(conv, []) is var call && call.Number("group") == 1 && GraphWindow.FindEvenPadding(call) is not null ? conv : null;

    internal override (string Problem, string Cure)? FindMistake()
    {
        if (base.FindMistake() is { } mistake)
            return mistake;
        if (Nodes.Count is 0 or > MostNodes)
            return ($"its graph has {Nodes.Count:N0} nodes.", $"Give from 1 to {MostNodes:N0}.");
        var known = new HashSet<string> { Input };
        foreach (var node in Nodes)
        {
            if (!WeightNames.IsPart(node.Name) || known.Contains(node.Name))
                return ($"its graph has a node called '{node.Name}'{(known.Contains(node.Name) ? " twice" : "")}.", "Give each node a name of its own, of 1 to 100 letters, digits, '_' and '-'; 'input' is the base's.");
            if (!GraphOperations.All.TryGetValue(node.Operation, out var operation))
                return ($"node '{node.Name}' is the operation '{node.Operation}', which is not known.", $"The operations are {string.Join(", ", GraphOperations.All.Keys)}.");
            if (node.Inputs.FirstOrDefault(name => !known.Contains(name)) is { } missing)
                return ($"node '{node.Name}' takes '{missing}', which no node before it gives.", "Put each node after those whose results it takes.");
            if (operation.FindMistake(node) is { } found)
                return ($"node '{node.Name}' ({node.Operation}) {found}.", "See Bases.Graph and ONNX's description of the operation.");
            known.Add(node.Name);
        }

        return null;
    }

    private static Int128 Count(IReadOnlyList<long> shape) => shape.Aggregate((Int128)1, (product, size) => product * size);
}
