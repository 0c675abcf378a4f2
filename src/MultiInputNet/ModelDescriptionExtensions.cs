using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Builds models from descriptions.</summary>
public static class ModelDescriptionExtensions
{
    /// <summary>Builds a model with new weights. See <see cref="MultiInputModelBuilder.Build"/>.</summary>
    /// <param name="description">The model to build.</param>
    /// <param name="device">The device; when null, CUDA if available and the CPU otherwise.</param>
    /// <param name="seed">The seed of the weights; torch's random state when null.</param>
    /// <returns>The model.</returns>
    /// <exception cref="MultiInputException">The description has a mistake, or libtorch cannot be loaded.</exception>
    public static MultiInputModel Build(this ModelDescription description, Device? device = null, long? seed = null)
    {
        ArgumentNullException.ThrowIfNull(description);
        Backend.Load(); // before the model's fields, which are modules
        return new(description, device, seed: seed);
    }
}
