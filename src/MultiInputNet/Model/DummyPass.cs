using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A span in which modules can be run to see the shapes that they give, and which leaves no trace: gradients are off, the
/// modules are in evaluation mode, and at its end their training modes, buffers and torch's random state are as before.
/// </summary>
internal sealed class DummyPass : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly IDisposable noGrad = no_grad();
    private readonly List<(nn.Module Module, bool Training)> modes = [];
    private readonly List<KeptBuffers> buffers = [];
    private readonly Tensor randomState = random.get_rng_state();

    public DummyPass(IEnumerable<nn.Module> modules)
    {
        foreach (var module in modules)
        {
            // Parents come before their children, so that setting the modes back in this order ends with each as it was.
            modes.Add((module, module.training));
            modes.AddRange(module.modules().Select(child => (child, child.training)));
            buffers.Add(new(module));
            module.eval();
        }
    }

    public void Dispose()
    {
        foreach (var (module, training) in modes)
            module.train(training);
        foreach (var kept in buffers)
        {
            kept.PutBack();
            kept.Dispose();
        }

        random.set_rng_state(randomState);
        noGrad.Dispose();
        scope.Dispose();
    }
}
