using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Rejects what PyTorch rejects and TorchSharp 0.107 does not: a batch normalisation in training mode that gets a single value per channel
/// has no variance, and its running variance would be NaN from then on.
/// </summary>
internal static class NormalizationGuard
{
    /// <summary>Hooks the batch normalisations of a module.</summary>
    /// <param name="module">A component of a model.</param>
    /// <param name="subject">The name of its owner.</param>
    /// <param name="component">The kind of component.</param>
    public static void Watch(nn.Module module, string subject, ModelComponent component)
    {
        foreach (var (name, layer) in module.named_modules().Prepend((string.Empty, module)).DistinctBy(named => named.Item2))
        {
            (layer as BatchNorm)?.register_forward_pre_hook((norm, input) =>
            {
                Check(norm, name, input, subject, component);
                return input;
            });
        }
    }

    private static void Check(nn.Module norm, string name, Tensor input, string subject, ModelComponent component)
    {
        var shape = input.shape;
        if (!norm.training || shape.Length < 2 || shape.Where((_, dimension) => dimension != 1).Aggregate(1L, (product, size) => product * size) != 1)
            return;
        throw new MultiInputException(
            component == ModelComponent.Base && BaseRun.Current?.Input is { } served ? $"input '{served}'" : subject,
            component,
            $"its batch normalisation{(name.Length > 0 ? $" '{name}'" : string.Empty)} gets one value per channel, a batch of {Shapes.Text(shape)}, which has no variance to train with.",
            "Train it with batches of at least 2 samples or with larger maps (a larger input or grid, fewer poolings), use another normalisation (Normalization.Group), or freeze it.");
    }
}
