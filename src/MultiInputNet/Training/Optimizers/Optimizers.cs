namespace MultiInputNet.Training;

/// <summary>The optimizers that a trainer can use.</summary>
public static class Optimizers
{
    /// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, 2019).</summary>
    /// <param name="beta1">Decay of the mean of gradients, from 0 to below 1.</param>
    /// <param name="beta2">Decay of the mean of squared gradients, from 0 to below 1.</param>
    /// <param name="epsilon">Added to the divisor, above 0.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static AdamWSpec AdamW(double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) =>
        new() { Beta1 = beta1, Beta2 = beta2, Epsilon = epsilon };

    /// <summary>Stochastic gradient descent with momentum. The weight decay is added to the gradient.</summary>
    /// <param name="momentum">The share of the last change that goes on, from 0 to below 1.</param>
    /// <param name="nesterov">Whether the momentum looks ahead (Sutskever et al., 2013); needs momentum.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentException">A number is out of its range, or there is no momentum to look ahead with.</exception>
    public static SgdSpec Sgd(double momentum = 0.9, bool nesterov = false)
    {
        if (nesterov && momentum == 0)
            throw new ArgumentException("Nesterov momentum needs a momentum above 0.", nameof(nesterov));
        return new() { Momentum = momentum, Nesterov = nesterov };
    }
}
