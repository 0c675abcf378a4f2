using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

public static partial class Insight
{
    /// <summary>
    /// How much each channel of an input counts: a band of an image, a feature of a sequence, a column of a table, a position of tokens.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="input">The input's name, or that of a task that reads one input.</param>
    /// <param name="attribution">Attributions to the input, of the shape of its batch.</param>
    /// <returns>
    /// For each, in their order, the share of its absolute attributions in those of all, over the whole batch. Bands have the names of the
    /// input's stem, columns those of the table, and all others their number.
    /// </returns>
    /// <exception cref="MultiInputException">There is no such input, or the attributions have another shape or are not finite.</exception>
    public static IReadOnlyList<Importance> ChannelImportance(MultiInputModel model, string input, Tensor attribution)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var path = PathOf(model, input);
        CheckAttribution(path, attribution);
        var sums = Sizes(attribution).transpose(0, 1).flatten(start_dim: 1).sum(1);
        return Shares(ChannelNames(model, path), sums);
    }

    /// <summary>How much each position of an input counts: a pixel of an image, a step of a sequence, a token, a column of a table.</summary>
    /// <param name="model">The model.</param>
    /// <param name="input">The input's name, or that of a task that reads one input.</param>
    /// <param name="attribution">Attributions to the input, of the shape of its batch.</param>
    /// <returns>
    /// For each sample, the share of the absolute attributions of each position in those of all, on the device of the attributions in at
    /// least single precision: <c>(batch, height, width)</c> for an image, <c>(batch, length)</c> for all else. They sum to 1, or are all 0
    /// if nothing counts.
    /// </returns>
    /// <exception cref="MultiInputException">There is no such input, or the attributions have another shape or are not finite.</exception>
    public static Tensor PositionImportance(MultiInputModel model, string input, Tensor attribution)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        CheckAttribution(PathOf(model, input), attribution);
        var sizes = attribution.detach().abs().to(attribution.dtype.AtLeastSingle());
        var positions = sizes.dim() > 2 ? sizes.sum(1) : sizes;
        var totals = positions.flatten(start_dim: 1).sum(1).view([-1, .. Enumerable.Repeat(1L, (int)positions.dim() - 1)]);
        return positions.div(totals.where(totals.gt(0), ones_like(totals))).MoveToOuterDisposeScope();
    }

    /// <summary>How much each input of a task counts.</summary>
    /// <param name="attributions">
    /// Attributions to each input by its name, in one unit, such as those of
    /// <see cref="IntegratedGradients(MultiInputModel, string, IReadOnlyDictionary{string, Tensor}, long?, IReadOnlyDictionary{string, Tensor}?, IntegratedGradientsOptions?)"/>.
    /// Gradients of inputs in different units cannot be compared.
    /// </param>
    /// <returns>For each, the share of its absolute attributions in those of all, over the whole batch.</returns>
    /// <exception cref="ArgumentException">An attribution is null, was disposed of or is not finite.</exception>
    public static IReadOnlyList<Importance> InputImportance(IReadOnlyDictionary<string, Tensor> attributions)
    {
        ArgumentNullException.ThrowIfNull(attributions);
        if (attributions.FirstOrDefault(pair => pair.Value is null || pair.Value.IsInvalid) is { Key: { } name })
            throw new ArgumentException($"The attribution to '{name}' is null or was disposed of.", nameof(attributions));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (attributions.FirstOrDefault(pair => !pair.Value.isfinite().all().ToBoolean()) is { Key: { } broken })
            throw new ArgumentException($"The attribution to '{broken}' has values that are not finite.", nameof(attributions));
        return attributions.Count == 0 ? [] : Shares([.. attributions.Keys], stack([.. attributions.Values.Select(values => Sizes(values).sum().cpu())]));
    }

    private static Tensor Sizes(Tensor attribution) => attribution.detach().to(CPU).to(ScalarType.Float64).abs();

    private static IReadOnlyList<Importance> Shares(IReadOnlyList<string> names, Tensor sums)
    {
        var values = sums.Numbers<double>();
        var total = values.Sum();
        return [.. names.Zip(values, (name, value) => new Importance(name, total > 0 ? value / total : 0))];
    }

    /// <summary>What the channels of an input are called: its columns, the bands that its projection names, or numbers from 0.</summary>
    internal static IReadOnlyList<string> ChannelNames(MultiInputModel model, InputPath path)
    {
        var count = (int)path.Spec.Shape[0];
        var bands = model.Description.Inputs.First(input => input.Name == path.Name).Projection?.FindBands(path.Spec);
        return path.Spec is TabularInput { Columns: { } columns } ? [.. columns.Select(column => column.Name)]
            : bands?.Count == count ? bands
            : [.. Enumerable.Range(0, count).Select(index => index.ToString(CultureInfo.InvariantCulture))];
    }

    private static void CheckAttribution(InputPath path, Tensor attribution)
    {
        ArgumentNullException.ThrowIfNull(attribution);
        if (attribution.IsInvalid || attribution.dim() != path.Spec.Shape.Count + 1 || !attribution.shape.Skip(1).SequenceEqual(path.Spec.Shape))
        {
            throw new MultiInputException(
                $"attribution to '{path.Name}'",
                ModelComponent.Input,
                attribution.IsInvalid ? "it was disposed of." : $"its shape is {Shapes.Text(attribution.shape)}.",
                $"Give a tensor of shape (batch, {string.Join(", ", path.Spec.Shape)}), as {nameof(IntegratedGradients)} returns.");
        }

        using var scope = NewDisposeScope();
        if (!attribution.isfinite().all().ToBoolean())
            throw new MultiInputException($"attribution to '{path.Name}'", ModelComponent.Input, "it has values that are not finite.", "Look for huge values in the samples and in the model's weights.");
    }
}
