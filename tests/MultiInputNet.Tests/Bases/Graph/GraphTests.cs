using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Bases described by graphs: what is wrong with one is found, and none takes memory without end.</summary>
public sealed class GraphTests
{
    [Fact]
    public void A_graph_computes_what_its_nodes_say()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        float[] kernel = [.. Enumerable.Range(0, 2 * 3 * 3 * 3).Select(i => MathF.Sin(i))];
        using var model = Build(Bases.Graph(3, [Conv("conv", "input", 2, 3), new("relu", "Relu", ["conv"])], new Dictionary<string, float[]> { ["conv.weight"] = kernel }));
        model.eval();
        var x = randn(2, 3, 8, 8);

        var expected = nn.functional.conv2d(x, tensor(kernel, [2, 3, 3, 3]), padding: [1, 1]).relu();
        model.children().OfType<SharedBase>().Single().call(x).ShouldEqual(expected, 1e-6);
        model.state_dict().Keys.Should().Contain("base_model.conv.weight");
        model.Summary().Should().Contain("base GraphBase: 54 parameters");
    }

    public static TheoryData<string, GraphNode[]> Mistakes => new()
    {
        { "*has 0 nodes*", [] },
        { "*'a' takes 'b', which no node before it gives*", [new("a", "Relu", ["b"]), new("b", "Relu", ["a"])] },
        { "*'a' takes 'a', which no node before it gives*", [new("a", "Relu", ["a"])] },
        { "*a node called 'a' twice*", [new("a", "Relu", ["input"]), new("a", "Relu", ["input"])] },
        { "*a node called 'a.b'.*", [new("a.b", "Relu", ["input"])] },
        { "*'a' is the operation 'Loop', which is not known*", [new("a", "Loop", ["input"])] },
        { "*'a' (Relu) has 2 inputs, but takes 1*", [new("a", "Relu", ["input", "input"])] },
        { "*'a' (Relu) has an attribute 'axis', which is not known*", [With(new("a", "Relu", ["input"]), "axis", 1)] },
        { "*'a' (Softmax) has an attribute 'axis' with 0.5, which is not a whole number*", [With(new("a", "Softmax", ["input"]), "axis", 0.5)] },
        { "*'a' (MaxPool) lacks its attribute 'kernel_shape'*", [new("a", "MaxPool", ["input"])] },
        { "*'a' (Conv) has a weight of shape (), but takes one of 4 dimensions*", [new("a", "Conv", ["input"])] },
        { "*'a' (Conv) has an attribute 'strides' with 0*", [With(Conv("a", "input", 2, 3), "strides", 0, 1)] },
        { "*'a' (Conv) has a weight of shape (2, 3, 3, 3) for 3 groups*", [With(Conv("a", "input", 2, 3), "group", 3)] },
        { "*'a' (Linear) has a weight of shape (10000000, 10000000)*", [new("a", "Linear", ["input"]) { Shape = [10_000_000, 10_000_000] }] },
        { "*'a' (Constant) has 1 values for a shape of (2)*", [With(new("a", "Constant", []) { Shape = [2] }, "value", 1)] },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_named(string message, GraphNode[] nodes) =>
        FluentActions.Invoking(() => Build(Bases.Graph(3, nodes))).Should().Throw<MultiInputException>().WithMessage("Base, base: " + message);

    public static TheoryData<string, GraphNode[]> Huge => new()
    {
        { "Expand", [Sizes("to", 1 << 20, 1 << 20, 1, 1), new("a", "Expand", ["input", "to"])] },
        { "Tile", [Sizes("to", 1 << 20, 1 << 20, 1, 1), new("a", "Tile", ["input", "to"])] },
        { "ConstantOfShape", [Sizes("to", 1 << 20, 1 << 20), new("b", "ConstantOfShape", ["to"]), new("a", "Add", ["input", "b"])] },
        { "Pad", [Sizes("to", 0, 0, 60_000, 60_000, 0, 0, 0, 0), new("a", "Pad", ["input", "to"])] },
        { "Conv", [With(Conv("a", "input", 2, 3), "pads", 60_000, 60_000, 60_000, 60_000)] },
        { "uneven Conv", [With(Conv("a", "input", 2, 3), "pads", 60_000, 60_000, 60_000, 59_999)] },
        { "MaxPool", [With(With(new("a", "MaxPool", ["input"]), "kernel_shape", 3, 3), "pads", 60_000, 60_000, 60_000, 60_000)] },
        { "Range", [Sizes("zero"), With(Sizes("end"), "value", 1 << 30), With(Sizes("one"), "value", 1), new("r", "Range", ["zero", "end", "one"])] },
    };

    [Theory]
    [MemberData(nameof(Huge))]
    public void A_small_graph_that_asks_for_much_memory_is_refused(string what, GraphNode[] nodes) => FluentActions.Invoking(() => Build(Bases.Graph(3, nodes)))
        .Should().Throw<MultiInputException>(what).WithMessage("*one sample has maps of * values in memory at one time*");

    private static MultiInputModel Build(BaseSpec spec)
    {
        var description = MultiInputModel.Define().Input("a", Inputs.Image(3, 8, 8)).Base(spec).Fusion(Fusions.GlobalAverage()).Task("a", Heads.Classification(2)).Describe();
        var read = spec is GraphSpec { Values.Count: 0 } ? ModelDescription.FromJson(description.ToJson()) : description;
        return new MultiInputModel(read, CPU, largestModel: 1_000_000_000, largestPass: 10_000_000);
    }

    private static GraphNode Conv(string name, string input, int to, int from) => With(new(name, "Conv", [input]) { Shape = [to, from, 3, 3] }, "pads", 1, 1, 1, 1);

    private static GraphNode Sizes(string name, params double[] sizes) =>
        With(With(new(name, "Constant", []) { Shape = sizes.Length == 0 ? [] : [sizes.Length] }, "value", sizes.Length == 0 ? [0] : sizes), "type", 7);

    private static GraphNode With(GraphNode node, string attribute, params double[] values)
    {
        var attributes = new Dictionary<string, IReadOnlyList<double>>(node.Attributes ?? new Dictionary<string, IReadOnlyList<double>>()) { [attribute] = values };
        return node with { Attributes = attributes };
    }
}
