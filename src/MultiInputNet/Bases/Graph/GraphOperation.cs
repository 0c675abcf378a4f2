using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>An attribute of an operation: how many numbers it may have, their range, and what it is if left out.</summary>
/// <param name="Name">Its name in ONNX.</param>
/// <param name="Lowest">The smallest number that it takes.</param>
/// <param name="Highest">The largest.</param>
/// <param name="Default">Its value if a node leaves it out; null if no node may.</param>
internal sealed record GraphAttribute(string Name, double Lowest, double Highest, IReadOnlyList<double>? Default)
{
    /// <summary>The fewest and the most numbers that it has.</summary>
    public (int Fewest, int Most) Count { get; init; } = (1, 1);

    /// <summary>Whether its numbers are whole.</summary>
    public bool IsWhole { get; init; } = true;

    /// <summary>What is wrong with its value in a node; null if nothing is.</summary>
    public string? FindMistake(IReadOnlyList<double>? value) =>
        value is null ? (Default is null ? $"lacks its attribute '{Name}'" : null)
        : value.Count < Count.Fewest || value.Count > Count.Most ? $"has an attribute '{Name}' of {value.Count:N0} numbers"
        : value.FirstOrDefault(number => !(number >= Lowest && number <= Highest) || (IsWhole && number != Math.Floor(number)), double.NaN) is var wrong && !double.IsNaN(wrong)
            ? $"has an attribute '{Name}' with {wrong}, which is not {(IsWhole ? "a whole number " : "")}from {Lowest} to {Highest}"
        : value.Any(double.IsNaN) ? $"has an attribute '{Name}' that is not a number"
        : null;
}

/// <summary>An operation that a graph's nodes may be.</summary>
/// <param name="Fewest">The fewest inputs.</param>
/// <param name="Most">The most inputs.</param>
internal sealed record GraphOperation(int Fewest, int Most)
{
    /// <summary>Its attributes.</summary>
    public IReadOnlyList<GraphAttribute> Attributes { get; init; } = [];

    /// <summary>The fewest and the most dimensions of its weight; null if it has none.</summary>
    public (int Fewest, int Most)? WeightDimensions { get; init; }

    /// <summary>What else is wrong with a node; null if nothing is.</summary>
    public Func<GraphCall, string?> Check { get; init; } = _ => null;

    /// <summary>Its computation; null if <see cref="Module"/> does it.</summary>
    public Func<GraphCall, Tensor>? Run { get; init; }

    /// <summary>The module of one input that has its weights and does its computation; null if it has no weights.</summary>
    public Func<GraphCall, nn.Module<Tensor, Tensor>>? Module { get; init; }

    /// <summary>The number of values of its result, from above, before it runs.</summary>
    public Func<GraphCall, double> Foresee { get; init; } = call => call.BroadcastCount();

    /// <summary>What is wrong with a node; null if nothing is.</summary>
    public string? FindMistake(GraphNode node)
    {
        if (node.Inputs.Count < Fewest || node.Inputs.Count > Most)
            return $"has {node.Inputs.Count} inputs, but takes {(Fewest == Most ? $"{Fewest}" : $"{Fewest} to {Most}")}";
        if (node.Attributes?.Keys.FirstOrDefault(name => !Attributes.Any(attribute => attribute.Name == name)) is { } unknown)
            return $"has an attribute '{unknown}', which is not known";
        if (Attributes.Select(attribute => attribute.FindMistake(node.Attributes?.GetValueOrDefault(attribute.Name))).FirstOrDefault(mistake => mistake is not null) is { } wrong)
            return wrong;
        if (WeightDimensions is null && node.Shape is not null)
            return "has a shape, but no weight";
        if (WeightDimensions is var (fewest, most))
        {
            if (node.Shape is not { } shape || shape.Count < fewest || shape.Count > most)
                return $"has a weight of shape {Shapes.Text(node.Shape ?? [])}, but takes one of {(fewest == most ? $"{fewest}" : $"{fewest} to {most}")} dimensions";
            if (shape.Any(size => size is < 0 or > Limits.LargestVocabulary) || shape.Aggregate(1.0, (product, size) => product * size) > Limits.LargestModel)
                return $"has a weight of shape {Shapes.Text(shape)}";
        }

        return Check(new GraphCall(node, []));
    }
}

/// <summary>A node with what it takes.</summary>
/// <param name="Node">The node.</param>
/// <param name="Inputs">The results that it takes.</param>
internal readonly record struct GraphCall(GraphNode Node, IReadOnlyList<Tensor> Inputs)
{
    /// <summary>The first of its inputs.</summary>
    public Tensor X => Inputs[0];

    /// <summary>The shape of its weight.</summary>
    public long[] Shape => [.. Node.Shape!];

    /// <summary>An attribute, or its default.</summary>
    public IReadOnlyList<double> Numbers(string attribute) => Node.Attributes?.GetValueOrDefault(attribute)
        ?? GraphOperations.All[Node.Operation].Attributes.First(known => known.Name == attribute).Default!;

    /// <summary>An attribute of one number, or its default.</summary>
    public double Number(string attribute) => Numbers(attribute)[0];

    /// <summary>An attribute of whole numbers, or its default.</summary>
    public long[] Integers(string attribute) => [.. Numbers(attribute).Select(number => (long)number)];

    /// <summary>An attribute of one whole number, or its default.</summary>
    public long Integer(string attribute) => (long)Number(attribute);

    /// <summary>An attribute that is 0 or 1, or its default.</summary>
    public bool Flag(string attribute) => Number(attribute) != 0;

    /// <summary>An attribute that names a dimension of an input, from 0.</summary>
    public long Axis(string attribute, long dimensions) => Axis(Integer(attribute), dimensions);

    /// <summary>A dimension, from 0; negative ones count from the end.</summary>
    public static long Axis(long axis, long dimensions) => axis >= -dimensions && axis < dimensions
        ? (axis + dimensions) % dimensions
        : throw new ArgumentException($"there is no dimension {axis} among {dimensions}");

    /// <summary>The numbers of an input that is a shape, a list of axes or the like; null if the node has no such input.</summary>
    public long[]? Sizes(int input)
    {
        if (input >= Inputs.Count)
            return null;
        const int MostSizes = 1_000;
        using var scope = NewDisposeScope();
        var values = Inputs[input];
        if (values.dim() > 1 || values.numel() > MostSizes || values.is_floating_point())
            throw new ArgumentException($"its input {input} is {values.dtype} {Shapes.Text(values.shape)}, which is no list of whole numbers");
        return values.to_type(ScalarType.Int64).Numbers<long>();
    }

    /// <summary>The number of values of its inputs broadcast together.</summary>
    public double BroadcastCount() => BroadcastShape(Inputs.Select(input => input.shape)).Aggregate(1.0, (product, size) => product * size);

    /// <summary>The largest size in each dimension, from the last.</summary>
    public static long[] BroadcastShape(IEnumerable<long[]> shapes)
    {
        var all = shapes.ToArray();
        var result = new long[all.Max(shape => shape.Length)];
        Array.Fill(result, 1);
        foreach (var shape in all)
        {
            for (var i = 1; i <= shape.Length; i++)
                result[^i] = shape[^i] == 1 ? result[^i] : shape[^i];
        }

        return result;
    }
}
