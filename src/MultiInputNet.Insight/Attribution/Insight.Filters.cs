using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

public static partial class Insight
{
    /// <summary>The first filters that an input meets, with a weight for each of its own channels or features.</summary>
    /// <remarks>
    /// They are those of the input's stem; or, if a linear projection and the base's first convolution follow each other, the product of
    /// both, which is what the input is convolved with; or else those of the projection's first layer. Standardisation is not part of them.
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="input">The input's name, or that of a task that reads one input.</param>
    /// <returns>
    /// A copy on the model's device: <c>(filters, channels, height, width)</c> for an image, <c>(filters, features, steps)</c> for a
    /// sequence (for tokens, the features are the embedding's), <c>(filters, features)</c> for a table.
    /// </returns>
    /// <exception cref="MultiInputException">There is no such input, or its projection has no filters.</exception>
    public static Tensor Filters(MultiInputModel model, string input)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(input);
        using var scope = new Undisturbed(model, gradients: false);
        var path = PathOf(model, input);
        if (path.Stem is { } stem)
            return stem.Kernel.Weight.detach().clone().MoveToOuterDisposeScope();
        if (path.Projection is InputProjection { IsLinear: true } linear && path.Base.FirstConvolution is { groups: 1 } first)
        {
            // (filters, channels of the base, height, width) by (channels of the base, channels of the input).
            var product = first.weight.permute(0, 2, 3, 1).matmul(linear.Convolution.Weight.flatten(1));
            return product.permute(0, 3, 1, 2).contiguous().detach().MoveToOuterDisposeScope();
        }

        return FirstWeight(path.Projection) ?? FirstWeight(path.Base) ?? throw new MultiInputException(
            $"input '{path.Name}'", ModelComponent.Projection, "neither its projection nor its base has a convolution or a linear layer.", "Read the weights of your module itself.");
    }

    /// <summary>The filters of a base's first convolution.</summary>
    /// <param name="model">The model.</param>
    /// <param name="input">An input of that base; may be null if the model has only one base.</param>
    /// <returns>A copy on the model's device, <c>(filters, channels of the base, height, width)</c>.</returns>
    /// <exception cref="MultiInputException">There is no such input, or several bases, or the base has no filters.</exception>
    public static Tensor BaseFilters(MultiInputModel model, string? input = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var scope = new Undisturbed(model, gradients: false);
        SharedBase[] bases = [.. model.Paths.Select(path => path.Base).Distinct()];
        var chosen = input is not null ? PathOf(model, input).Base : bases is [var only] ? only : throw new MultiInputException(
            "model", ModelComponent.Base, $"it has {bases.Length} bases.", $"Name an input of the one that is meant: {Shapes.Names(model.Paths.Select(path => path.Name))}.");
        return (chosen.FirstConvolution?.weight?.detach().clone().MoveToOuterDisposeScope() ?? FirstWeight(chosen)) ?? throw new MultiInputException(
            "base", ModelComponent.Base, "it has no convolution and no linear layer that can be seen.", "Read the weights of your module itself.");
    }

    /// <summary>A copy of the weights of the first convolution or linear layer in a module; null if there is none.</summary>
    private static Tensor? FirstWeight(nn.Module root) => root.modules().Prepend(root).Select(module => module switch
    {
        Convolution convolution => convolution.weight,
        Linear linear => linear.weight,
        PointwiseConvolution pointwise => pointwise.Weight,
        _ => null,
    }).FirstOrDefault(weight => weight is not null)?.detach().clone().MoveToOuterDisposeScope();
}
