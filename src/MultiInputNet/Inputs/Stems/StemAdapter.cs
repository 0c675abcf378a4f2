using System.ComponentModel;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Adapts the weights of a first convolution, trained for one number of channels, to another.</summary>
internal static class StemAdapter
{
    /// <summary>The weights for another number of channels, fewer or more.</summary>
    /// <param name="weight">The weights, <c>(outputs, old channels, height, width)</c>.</param>
    /// <param name="channels">The new number of channels, at least 1.</param>
    /// <param name="method">How to adapt them.</param>
    /// <returns>New weights, <c>(outputs, channels, height, width)</c>, without a gradient history.</returns>
    /// <exception cref="ArgumentException">The weights do not have four dimensions.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The channel count is below 1.</exception>
    public static Tensor Adapt(Tensor weight, int channels, StemMethod method)
    {
        Check(weight);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (old, scale) = (weight.shape[1], (double)weight.shape[1] / channels);
        var adapted = method switch
        {
            StemMethod.Repeat => weight.index_select(1, arange(channels, device: weight.device) % old) * scale,
            StemMethod.Mean => weight.mean([1], keepdim: true).expand(-1, channels, -1, -1) * scale,
            StemMethod.PadZeros => Pad((0, 0)),
            StemMethod.PadRandom => Pad((weight.mean().ToDouble(), weight.std().ToDouble())),
            _ => throw new InvalidEnumArgumentException(nameof(method), (int)method, typeof(StemMethod)),
        };
        return adapted.MoveToOuterDisposeScope();

        Tensor Pad((double Mean, double Deviation) values)
        {
            var kept = weight.narrow(1, 0, Math.Min(old, channels));
            var added = randn([weight.shape[0], Math.Max(channels - old, 0), weight.shape[2], weight.shape[3]], weight.dtype, weight.device);
            return cat([kept, added * values.Deviation + values.Mean], 1);
        }
    }

    /// <summary>The weights for other bands by name: a band that both have keeps its weights, any other gets the mean of all.</summary>
    /// <param name="weight">The weights, <c>(outputs, bands, height, width)</c>.</param>
    /// <param name="bands">The names of their bands, each once.</param>
    /// <param name="newBands">The names of the new bands, in their order.</param>
    /// <returns>New weights, <c>(outputs, new bands, height, width)</c>, without a gradient history.</returns>
    /// <exception cref="ArgumentException">
    /// The weights do not have four dimensions or not that many bands, a name occurs twice, or there is no new band.
    /// </exception>
    public static Tensor Adapt(Tensor weight, IReadOnlyList<string> bands, IReadOnlyList<string> newBands)
    {
        Check(weight);
        ArgumentNullException.ThrowIfNull(bands);
        ArgumentNullException.ThrowIfNull(newBands);
        if (bands.Count != weight.shape[1])
            throw new ArgumentException($"{bands.Count} bands are named, but the weights {Shapes.Text(weight.shape)} have {weight.shape[1]}.", nameof(bands));
        if (newBands.Count == 0)
            throw new ArgumentException("There is no new band; name at least one.", nameof(newBands));
        if ((HasTwice(bands) ?? HasTwice(newBands)) is { } twice)
            throw new ArgumentException($"Band '{twice}' is named twice.", HasTwice(bands) is null ? nameof(newBands) : nameof(bands));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var places = bands.Index().ToDictionary(band => band.Item, band => band.Index);
        var mean = weight.mean([1], keepdim: true);

        // TorchSharp's cat of a single tensor does not copy it.
        return cat([.. newBands.Select(band => places.TryGetValue(band, out var place) ? weight.narrow(1, place, 1) : mean)], 1).clone().MoveToOuterDisposeScope();

        static string? HasTwice(IReadOnlyList<string> names) => names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key;
    }

    private static void Check(Tensor weight)
    {
        ArgumentNullException.ThrowIfNull(weight);
        if (weight.dim() != 4 || weight.shape[1] == 0)
            throw new ArgumentException($"The weights have shape {Shapes.Text(weight.shape)}; (outputs, channels, height, width) is needed.", nameof(weight));
    }
}
