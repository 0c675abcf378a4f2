using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A scope in which modules can be run to learn the shapes of their results without leaving a trace: gradients are off, the modules are in
/// evaluation mode, and at its end their training modes, buffers and torch's random state are restored.
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
            // Parents come before their children, so that restoring the modes in this order leaves each as it was.
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
