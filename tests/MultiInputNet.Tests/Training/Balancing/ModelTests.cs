using MultiInputNet.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training.Balancing;

public sealed class ModelTests
{
    [Theory]
    [InlineData("equal")]
    [InlineData("cagrad")]
    public void A_balancing_that_changes_nothing_gives_a_model_the_gradients_of_the_sum(string method)
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        using var balancer = (method == "equal" ? LossBalancing.Equal : LossBalancing.CAGrad(0)).Create(["gray", "table"]);
        var batch = Batch();

        Losses(model, batch).Select(loss => loss.Loss).Aggregate((sum, loss) => sum + loss).backward();
        var expected = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.grad!.clone());
        model.zero_grad();
        balancer.Backward(Losses(model, batch), Shared(model), 0);

        foreach (var (name, parameter) in model.named_parameters())
            parameter.grad!.allclose(expected[name], rtol: 1e-4, atol: 1e-6).Should().BeTrue(name);
    }

    [Fact]
    public void Projected_gradients_change_the_base_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        using var balancer = LossBalancing.PCGrad().Create(["gray", "table"]);
        var batch = Batch();
        var own = new List<Dictionary<string, Tensor>>();
        foreach (var (_, loss) in Losses(model, batch))
        {
            model.zero_grad();
            loss.backward(retain_graph: true);
            own.Add(model.named_parameters()
                .Where(pair => pair.parameter.grad is not null)
                .ToDictionary(pair => pair.name, pair => pair.parameter.grad!.clone()));
        }

        model.zero_grad();
        balancer.Backward(Losses(model, batch), Shared(model), 0);

        // The two tasks' gradients of the whole base as vectors, projected by hand.
        var names = own[0].Keys.Where(name => name.StartsWith("base_model.", StringComparison.Ordinal)).ToArray();
        var (a, b) = (Joined(own[0], names), Joined(own[1], names));
        var product = a.dot(b).item<float>();
        product.Should().BeNegative();
        var expected = a - product / b.dot(b) * b + b - product / a.dot(a) * a;
        var gradients = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.grad!);
        Joined(gradients, names).allclose(expected, rtol: 1e-3, atol: 1e-5).Should().BeTrue();
        foreach (var (name, gradient) in gradients.Where(pair => !names.Contains(pair.Key)))
            gradient.allclose(own.Single(o => o.ContainsKey(name))[name], rtol: 1e-4, atol: 1e-6).Should().BeTrue(name);
    }

    private static Tensor Joined(Dictionary<string, Tensor> gradients, IEnumerable<string> names) =>
        cat([.. names.Select(name => gradients[name].reshape(-1))]);

    private static MultiInputModel Build()
    {
        random.manual_seed(2);
        return MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 6, 6))
            .Input("table", Inputs.Tabular(5))
            .Base(Bases.ConvNet(8, 8, 8) with { Normalization = Normalization.Group })
            .Task("gray", Heads.Classification(3))
            .Task("table", Heads.Regression(2))
            .Build(CPU);
    }

    private static Dictionary<string, Tensor> Batch() => new() { ["gray"] = rand(7, 1, 6, 6), ["table"] = rand(9, 5) };

    private static (string Task, Tensor Loss)[] Losses(MultiInputModel model, Dictionary<string, Tensor> batch)
    {
        var outputs = model.forward(batch);
        return
        [
            ("gray", ((TaskHead)model.Head("gray")).Loss(outputs["gray"], arange(7) % 3)),
            ("table", ((TaskHead)model.Head("table")).Loss(outputs["table"], -ones(9, 2))),
        ];
    }

    private static Parameter[] Shared(MultiInputModel model) =>
    [
        .. model.named_parameters()
            .Where(pair => pair.name.StartsWith("base_model.", StringComparison.Ordinal))
            .Select(pair => pair.parameter),
    ];
}
