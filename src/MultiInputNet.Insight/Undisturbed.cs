using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>
/// A scope in which a model is run in evaluation mode, with gradients or without, and at whose end everything is as it was: gradients,
/// <c>requires_grad</c>, training modes, buffers, torch's random state, the grad mode, and the hooks registered through it.
/// </summary>
/// <remarks>
/// <para>
/// It is a dispose scope, too: what is to outlive it is moved to the outer one. Until its end no other thread of this library draws random
/// numbers, since they would be drawn again later. CUDA's random state cannot be read, and is as the model leaves it; in evaluation mode
/// no layer of this library draws from it.
/// </para>
/// <para>
/// Within it, parameters have no <c>grad</c> unless somebody calls <c>backward</c>; what they had comes back at its end. A model that is in
/// evaluation mode already is never put into another, so that predictions in other threads go on.
/// </para>
/// </remarks>
internal sealed class Undisturbed : IDisposable
{
    // Undone in the reverse order.
    private readonly Stack<IDisposable> ends = new();

    /// <summary>Begins the scope.</summary>
    /// <param name="model">The model.</param>
    /// <param name="gradients">Whether results are differentiable.</param>
    /// <exception cref="ObjectDisposedException">The model was disposed of.</exception>
    public Undisturbed(MultiInputModel model, bool gradients)
    {
        ObjectDisposedException.ThrowIf(model.parameters().Any(parameter => parameter.IsInvalid), model);
        try
        {
            ends.Push(GlobalRandom.Alone());
            ends.Push(KeepRandomState());
            ends.Push(NewDisposeScope());
            ends.Push(KeepGradients(model));
            ends.Push(KeepBuffers(model));
            ends.Push(Evaluate(model));
            ends.Push(inference_mode(false));
            ends.Push(set_grad_enabled(gradients));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Does something at the end of the scope, such as removing a hook.</summary>
    /// <param name="end">What is to be done.</param>
    public void AtItsEnd(Action end) => ends.Push(new AtEnd(end));

    public void Dispose()
    {
        while (ends.TryPop(out var end))
            end.Dispose();
    }

    private static AtEnd KeepRandomState()
    {
        var state = random.get_rng_state().DetachFromDisposeScope();
        return new(() =>
        {
            random.set_rng_state(state);
            state.Dispose();
        });
    }

    private static AtEnd KeepGradients(MultiInputModel model)
    {
        var kept = model.parameters().Select(parameter => (Parameter: parameter, parameter.requires_grad, Gradient: parameter.grad)).ToArray();
        foreach (var (parameter, _, gradient) in kept)
        {
            gradient?.DetachFromDisposeScope();
            parameter.grad = null;
        }

        return new(() =>
        {
            foreach (var (parameter, needsGradient, gradient) in kept)
            {
                parameter.requires_grad = needsGradient;
                parameter.grad = gradient;
                gradient?.Dispose();
            }
        });
    }

    private static AtEnd KeepBuffers(MultiInputModel model)
    {
        var kept = new KeptBuffers(model);
        return new(() =>
        {
            kept.PutBack();
            kept.Dispose();
        });
    }

    private static AtEnd Evaluate(MultiInputModel model)
    {
        // Parents come before their children, so that restoring the modes in this order leaves each as it was.
        var modes = model.modules().Prepend(model).Select(module => (Module: module, module.training)).ToArray();
        if (modes.Any(mode => mode.training))
            model.eval();
        return new(() =>
        {
            foreach (var (module, training) in modes)
            {
                if (module.training != training)
                    module.train(training);
            }
        });
    }
}
