using MultiInputNet.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A base made of the nodes of a graph. A node's weights have its name.</summary>
/// <remarks>Shapes: <c>(batch, channels, height, width)</c> in; a map or tokens out, as the last node gives them.</remarks>
internal sealed class GraphBase : SharedBase, IOnnxModule
{
    private readonly Step[] steps;
    private readonly string? entrance;

    /// <summary>Creates the base with the weights that come with its description; others start as torch's do.</summary>
    /// <param name="spec">The description, without mistakes.</param>
    public GraphBase(GraphSpec spec)
        : base(nameof(GraphBase), spec.Channels)
    {
        entrance = spec.FirstConvolution?.Name;
        var lastUse = spec.Nodes.SelectMany(node => node.Inputs.Select(name => (name, node))).GroupBy(use => use.name).ToDictionary(uses => uses.Key, uses => uses.Last().node);
        steps = [.. spec.Nodes.Select(node => new Step(
            node,
            Prepare(node),
            [.. node.Inputs.Distinct().Where(name => name != GraphSpec.Input && ReferenceEquals(lastUse[name], node))]))];
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var state = state_dict();
        foreach (var (name, values) in spec.Values)
        {
            if (!state.TryGetValue(name, out var value) || value.numel() != values.Length)
                throw new ArgumentException($"it has no weight '{name}' of {values.Length:N0} values");
            value.copy_(tensor(values, value.shape));
        }
    }

    internal override Conv2d? FirstConvolution => entrance is null ? null : (Conv2d)named_children().First(child => child.name == entrance).module;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var results = new Dictionary<string, Tensor> { [GraphSpec.Input] = input };
        foreach (var (node, run, done) in steps)
        {
            Tensor[] inputs = [.. node.Inputs.Select(name => results[name])];
            try
            {
                var result = run(inputs);
                results[node.Name] = inputs.Any(given => ReferenceEquals(given, result)) ? result.alias() : result;
            }
            catch (Exception e) when (e is not MultiInputException)
            {
                throw new InvalidOperationException(
                    $"node '{node.Name}' ({node.Operation}) cannot take {string.Join(" and ", inputs.Select(given => Shapes.Text(given.shape)))}: {e.Message}", e);
            }

            // Large maps are not kept longer than they are needed.
            foreach (var name in done)
                results[name].Dispose();
        }

        return results[steps[^1].Node.Name].MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(inputs);
        var export = new GraphExport(graph, [.. steps.Select(step => step.Node)]);
        var results = new Dictionary<string, OnnxValue> { [GraphSpec.Input] = inputs[0] };
        var layers = named_children().ToDictionary(child => child.name, child => child.module);
        foreach (var (node, _, _) in steps)
        {
            object? weights = node.Operation switch
            {
                "Parameter" => get_parameter(node.Name),
                "Buffer" => get_buffer(node.Name),
                _ => layers.GetValueOrDefault(node.Name) is var layer and not GraphLayer ? layer : null,
            };
            results[node.Name] = export.Add(node, weights, [.. node.Inputs.Select(name => results[name])]);
        }

        // What the sizes are, only the model knows.
        return results[steps[^1].Node.Name].As();
    }

    /// <summary>Registers what a node consists of.</summary>
    /// <returns>Its computation.</returns>
    private Func<IReadOnlyList<Tensor>, Tensor> Prepare(GraphNode node)
    {
        var operation = GraphOperations.All[node.Operation];
        var call = new GraphCall(node, []);
        switch (node.Operation)
        {
            case "Parameter":
                var parameter = new Parameter(empty(call.Shape));
                nn.init.normal_(parameter, std: 0.02);
                register_parameter(node.Name, parameter);
                return _ => get_parameter(node.Name)!.alias();
            case "Buffer":
                register_buffer(node.Name, zeros(call.Shape));
                return _ => get_buffer(node.Name)!.alias();
        }

        if (operation.Module is null)
        {
            var layer = new GraphLayer(node, operation);
            register_module(node.Name, layer);
            return layer.call;
        }

        var module = operation.Module(call);
        register_module(node.Name, module);
        if (module is not Conv2d conv)
            return inputs => module.call(inputs[0]);
        if (GraphWindow.FindEvenPadding(call) is not null)
            return inputs => node.Name == entrance ? BaseRun.Begin(conv, inputs[0]) : conv.call(ChannelsLast.Of(inputs[0]));
        var padding = new GraphPadding(node);
        register_module($"{node.Name} padding", padding);
        return inputs => conv.call(ChannelsLast.Of(padding.call(inputs[0])));
    }

    /// <summary>A node, its computation, and the results that nothing after it takes.</summary>
    private sealed record Step(GraphNode Node, Func<IReadOnlyList<Tensor>, Tensor> Run, IReadOnlyList<string> Done);
}
