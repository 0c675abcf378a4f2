namespace MultiInputNet.Training;

/// <summary>The optimizers that a trainer can use.</summary>
public static class Optimizers
{
    /// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, 2019).</summary>
    /// <param name="beta1">The decay rate of the mean of gradients, from 0 to below 1.</param>
    /// <param name="beta2">The decay rate of the mean of squared gradients, from 0 to below 1.</param>
    /// <param name="epsilon">The term added to the denominator, above 0.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static OptimizerSpec AdamW(double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8) =>
        new AdamWSpec { Beta1 = beta1, Beta2 = beta2, Epsilon = epsilon };

    /// <summary>Stochastic gradient descent with momentum. The weight decay is added to the gradient.</summary>
    /// <param name="momentum">The momentum, from 0 to below 1.</param>
    /// <param name="nesterov">Whether to use Nesterov momentum (Sutskever et al., 2013); needs a momentum above 0.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentException">A number is out of range, or Nesterov momentum is used without a momentum.</exception>
    public static OptimizerSpec Sgd(double momentum = 0.9, bool nesterov = false)
    {
        if (nesterov && momentum == 0)
            throw new ArgumentException("Nesterov momentum needs a momentum above 0.", nameof(nesterov));
        return new SgdSpec { Momentum = momentum, Nesterov = nesterov };
    }
}
