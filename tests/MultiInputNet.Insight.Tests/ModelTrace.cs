using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests;

/// <summary>All that looking at a model could change, as it is now.</summary>
internal sealed class ModelTrace
{
    private readonly MultiInputModel model;
    private readonly (string Name, string Content)[] state;

    public ModelTrace(MultiInputModel model)
    {
        this.model = model;
        state = [.. Take()];
    }

    public void ShouldBeUnchanged(string because = "") => Take().Should().Equal(state, because);

    private List<(string Name, string Content)> Take()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var taken = new List<(string, string)> { ("random", Text(random.get_rng_state())) };
        foreach (var (name, parameter) in model.named_parameters())
        {
            taken.Add((name, Text(parameter)));
            taken.Add(($"{name} needs gradient", parameter.requires_grad.ToString()));
            taken.Add(($"{name} gradient", parameter.grad is { } gradient ? Text(gradient) : "none"));
        }

        taken.AddRange(model.named_buffers().Select(pair => (pair.name, Text(pair.buffer))));
        foreach (var (name, module) in model.named_modules().Prepend(("model", model)))
        {
            taken.Add(($"{name} trains", module.training.ToString()));
            taken.Add(($"{name} hooks", module is nn.Module<Tensor, Tensor> layer ? Hooks.AnyOfUsers(layer).ToString() : ""));
        }

        return taken;
    }

    private static string Text(Tensor tensor) => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(tensor.cpu().contiguous().bytes));
}
