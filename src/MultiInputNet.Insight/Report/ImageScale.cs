using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>
/// How the values of an image input become colours: which channels are shown, and which values are black and full. Values that look like
/// shares (0 to 1) or bytes (0 to 255) are taken as such; any others are stretched, multi-band images band by band.
/// </summary>
internal sealed class ImageScale
{
    /// <summary>How many samples of a source it is found from.</summary>
    public const int Samples = 64;

    private const int LargestSide = 192;

    private readonly long[] channels;
    private readonly Tensor low;
    private readonly Tensor high;

    private ImageScale(long[] channels, double[] low, double[] high)
    {
        this.channels = channels;

        // They live as long as the report.
        this.low = tensor(low).view(-1, 1, 1).DetachFromDisposeScope();
        this.high = tensor(high).view(-1, 1, 1).DetachFromDisposeScope();
    }

    /// <summary>What is shown, such as <c>bands 3, 2 and 1 as red, green and blue</c>; empty for grey images and RGB.</summary>
    public string Caption { get; private init; } = "";

    /// <summary>Finds it.</summary>
    /// <param name="names">What the channels of the input are called.</param>
    /// <param name="composite">The channels to show, if the user chose them.</param>
    /// <param name="samples">Samples, batch by batch.</param>
    public static ImageScale Find(IReadOnlyList<string> names, IReadOnlyList<int>? composite, IEnumerable<Tensor> samples)
    {
        using var noGrad = no_grad();
        long[] channels = composite is not null ? [.. composite.Select(channel => (long)channel)] : names.Count >= 3 ? [0, 1, 2] : [0];
        var low = Enumerable.Repeat(double.PositiveInfinity, channels.Length).ToArray();
        var high = Enumerable.Repeat(double.NegativeInfinity, channels.Length).ToArray();
        foreach (var batch in samples)
        {
            using var scope = NewDisposeScope();
            foreach (var (index, channel) in channels.Index())
            {
                var values = batch.select(1, channel).to(ScalarType.Float64);
                low[index] = Math.Min(low[index], values.min().item<double>());
                high[index] = Math.Max(high[index], values.max().item<double>());
            }
        }

        var (least, most) = (low.Min(), high.Max());
        var isRgb = names.Count is 1 or 3 && composite is null;
        if (!double.IsFinite(least) || !double.IsFinite(most) || (least >= 0 && most is > 0.5 and <= 1))
            (low, high) = ([.. low.Select(_ => 0.0)], [.. high.Select(_ => 1.0)]);
        else if (least >= 0 && most is > 127 and <= 255)
            (low, high) = ([.. low.Select(_ => 0.0)], [.. high.Select(_ => 255.0)]);
        else if (isRgb)
            (low, high) = ([.. low.Select(_ => least)], [.. high.Select(_ => most)]);
        return new(channels, low, [.. high.Zip(low, (top, bottom) => top > bottom ? top : bottom + 1)])
        {
            Caption = isRgb ? ""
                : channels.Length == 1 ? $"band {names[(int)channels[0]]} of {names.Count}"
                : $"bands {names[(int)channels[0]]}, {names[(int)channels[1]]} and {names[(int)channels[2]]} as red, green and blue",
        };
    }

    /// <summary>A sample as a picture of at most 192 pixels on its longer side.</summary>
    /// <param name="sample"><c>(channels, height, width)</c>.</param>
    /// <returns><c>(3 or 1, height, width)</c> from 0 to 1, on the CPU.</returns>
    public Tensor Picture(Tensor sample)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = sample.cpu().to(ScalarType.Float64).index_select(0, tensor(channels));
        var picture = ((values - low) / (high - low)).nan_to_num(0, 1, 0).clamp(0, 1);
        var longer = Math.Max(picture.shape[1], picture.shape[2]);
        if (longer > LargestSide)
        {
            long Side(long side) => Math.Max(1, side * LargestSide / longer);
            picture = nn.functional.adaptive_avg_pool2d(picture.unsqueeze(0), [Side(picture.shape[1]), Side(picture.shape[2])])[0];
        }

        return picture.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }
}
