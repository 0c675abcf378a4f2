using SkiaSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Tensors as pictures: images, maps in colours, maps over images, and PNG files of them.</summary>
public static class Pictures
{
    private const long LargestSide = 16_384;

    /// <summary>Saves a picture as a PNG file.</summary>
    /// <param name="picture">
    /// <c>(3, height, width)</c>, <c>(1, height, width)</c> or <c>(height, width)</c>: of red, green and blue or of grey values; floating
    /// point from 0 to 1, or bytes. On any device.
    /// </param>
    /// <param name="path">The file. An existing one is replaced once the new one is complete.</param>
    /// <exception cref="ArgumentException">The picture has another shape or type, or a value out of range.</exception>
    /// <exception cref="MultiInputException">The file cannot be written.</exception>
    public static void SavePng(Tensor picture, string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var content = ToPng(picture);
        WholeFile.Write(path, file => file.Write(content));
    }

    /// <summary>Saves a map in colours as a PNG file.</summary>
    /// <param name="map">As for <see cref="Colored"/>.</param>
    /// <param name="path">The file. An existing one is replaced once the new one is complete.</param>
    /// <param name="colors">The colours.</param>
    /// <param name="low">As for <see cref="Colored"/>.</param>
    /// <param name="high">As for <see cref="Colored"/>.</param>
    /// <exception cref="ArgumentException">As for <see cref="Colored"/>.</exception>
    /// <exception cref="MultiInputException">The file cannot be written.</exception>
    public static void SavePng(Tensor map, string path, ColorMap colors, double? low = null, double? high = null)
    {
        using var colored = Colored(map, colors, low, high);
        SavePng(colored, path);
    }

    /// <summary>A picture as the content of a PNG file.</summary>
    /// <param name="picture">As for <see cref="SavePng(Tensor, string)"/>.</param>
    /// <returns>The bytes of the file.</returns>
    /// <exception cref="ArgumentException">The picture has another shape or type, or a value out of range.</exception>
    public static byte[] ToPng(Tensor picture)
    {
        CheckThere(picture, nameof(picture));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var planes = picture.dim() == 2 ? picture.unsqueeze(0) : picture;
        if (planes.dim() != 3 || planes.shape[0] is not (1 or 3) || planes.shape[1] is < 1 or > LargestSide || planes.shape[2] is < 1 or > LargestSide)
        {
            throw new ArgumentException(
                FormattableString.Invariant($"The picture has shape {Shapes.Text(picture.shape)}; give (3, height, width), (1, height, width) or (height, width), with sides of 1 to {LargestSide}."),
                nameof(picture));
        }

        var bytes = Bytes(planes.cpu());
        var opaque = full([1, bytes.shape[1], bytes.shape[2]], 255, ScalarType.Byte);
        var pixels = cat([bytes.expand(3, -1, -1), opaque]).permute(1, 2, 0).contiguous();
        return Encode(pixels.bytes.ToArray(), (int)planes.shape[2], (int)planes.shape[1]);
    }

    /// <summary>A map in colours.</summary>
    /// <param name="map"><c>(height, width)</c> or <c>(1, height, width)</c>, any numbers. On any device.</param>
    /// <param name="colors">The colours.</param>
    /// <param name="low">The value of the first colour; smaller ones have it too. By default the smallest of the map.</param>
    /// <param name="high">
    /// The value of the last colour; larger ones have it too. By default the largest of the map. For <see cref="ColorMap.BlueRed"/> without
    /// both limits, they are the largest absolute value and its negative, so that 0 is in the middle.
    /// </param>
    /// <returns><c>(3, height, width)</c>, single precision from 0 to 1, on the CPU. A map of one value has the first colour, or the middle one of blue and red.</returns>
    /// <exception cref="ArgumentException">The map has another shape or a value that is not finite, or the limits are not in order.</exception>
    public static Tensor Colored(Tensor map, ColorMap colors = ColorMap.Viridis, double? low = null, double? high = null)
    {
        CheckThere(map, nameof(map));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = Plane(map, nameof(map)).to(ScalarType.Float64);
        if (low is { } least && high is { } most && !(least < most))
            throw new ArgumentException(FormattableString.Invariant($"The limits are {least} and {most}; give a lower and a higher one."), nameof(low));
        var limit = colors == ColorMap.BlueRed && low is null && high is null ? values.abs().max().item<double>() : (double?)null;
        var from = low ?? -limit ?? values.min().item<double>();
        var to = high ?? limit ?? values.max().item<double>();
        var shares = to > from ? ((values - from) / (to - from)).clamp(0, 1) : full_like(values, limit is null ? 0 : 0.5);
        var table = tensor(ColorTable.Of(colors)).view(-1, 3);
        var numbers = (shares * (table.shape[0] - 1)).round().to(ScalarType.Int64);
        return table.index_select(0, numbers.flatten()).view(numbers.shape[0], numbers.shape[1], 3).permute(2, 0, 1).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>A map in colours over an image, which is shown in grey beneath it. The map is enlarged to the image (bilinear).</summary>
    /// <param name="image">The image, as for <see cref="SavePng(Tensor, string)"/>.</param>
    /// <param name="map">The map, such as that of <c>Insight.GradCam</c>: <c>(height, width)</c> or <c>(1, height, width)</c>, of any size.</param>
    /// <param name="opacity">How much of the result is the map, from 0 to 1.</param>
    /// <param name="colors">The colours of the map, with the limits that <see cref="Colored"/> finds.</param>
    /// <returns><c>(3, height, width)</c>, single precision from 0 to 1, on the CPU.</returns>
    /// <exception cref="ArgumentException">Image or map do not have such a shape or such values, or the opacity is out of range.</exception>
    public static Tensor Overlay(Tensor image, Tensor map, double opacity = 0.55, ColorMap colors = ColorMap.Viridis)
    {
        CheckThere(image, nameof(image));
        CheckThere(map, nameof(map));
        if (opacity is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(opacity), opacity, "Give a number from 0 to 1.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var planes = image.dim() == 2 ? image.unsqueeze(0) : image;
        if (planes.dim() != 3 || planes.shape[0] is not (1 or 3))
            throw new ArgumentException($"The image has shape {Shapes.Text(image.shape)}; give (3, height, width), (1, height, width) or (height, width).", nameof(image));
        var gray = Bytes(planes.cpu()).to(ScalarType.Float32).mean([0]) / 255;
        var heat = nn.functional.interpolate(
            Plane(map, nameof(map)).to(ScalarType.Float32).unsqueeze(0).unsqueeze(0), [gray.shape[0], gray.shape[1]], mode: InterpolationMode.Bilinear, align_corners: false)[0, 0];
        return ((1 - opacity) * gray + opacity * Colored(heat, colors)).MoveToOuterDisposeScope();
    }

    private static void CheckThere(Tensor tensor, string name)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.IsInvalid)
            throw new ArgumentException("The tensor was disposed of; give one that exists.", name);
    }

    /// <summary>The values as bytes, on the CPU.</summary>
    private static Tensor Bytes(Tensor planes)
    {
        if (planes.dtype == ScalarType.Byte)
            return planes;
        if (!planes.is_floating_point())
            throw new ArgumentException($"The picture is of {planes.dtype}; give floating point from 0 to 1, or bytes.", nameof(planes));
        var values = planes.detach().to(ScalarType.Float64);
        var (least, most) = (values.min().item<double>(), values.max().item<double>());
        return least >= 0 && most <= 1 // false for NaN too
            ? (values * 255).round().to(ScalarType.Byte)
            : throw new ArgumentException(
                FormattableString.Invariant($"The picture's values run from {least:G4} to {most:G4}; give values from 0 to 1, or a map with colours and limits."), nameof(planes));
    }

    /// <summary>A map as <c>(height, width)</c> on the CPU.</summary>
    private static Tensor Plane(Tensor map, string name)
    {
        var plane = map.dim() == 3 && map.shape[0] == 1 ? map.squeeze(0) : map;
        if (plane.dim() != 2 || plane.shape.Any(side => side is < 1 or > LargestSide))
            throw new ArgumentException(FormattableString.Invariant($"The map has shape {Shapes.Text(map.shape)}; give (height, width) or (1, height, width), with sides of 1 to {LargestSide}."), name);
        var values = plane.detach().cpu();
        return values.isfinite().all().item<bool>() ? values : throw new ArgumentException("The map has values that are not finite; replace them first, with nan_to_num for instance.", name);
    }

    private static byte[] Encode(byte[] pixels, int width, int height)
    {
        using var copy = SKImage.FromPixelCopy(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque), pixels, width * 4);
        using var encoded = copy.Encode(SKEncodedImageFormat.Png, 100);
        return encoded.ToArray();
    }
}
