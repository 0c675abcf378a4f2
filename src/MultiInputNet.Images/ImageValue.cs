using static TorchSharp.torch;

namespace MultiInputNet.Images;

/// <summary>An encoded image, such as a JPEG, as a sample for a prediction; <see cref="ImageFiles"/> decodes and resizes it.</summary>
public sealed class ImageValue : InputValue
{
    private readonly Func<ImageInput, Tensor> read;

    private ImageValue(Func<ImageInput, Tensor> read) => this.read = read;

    /// <summary>An image file. It is read when a prediction needs it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="largestImage">The most pixels that it may have.</param>
    /// <returns>The value.</returns>
    public static ImageValue FromFile(string path, long largestImage = ImageFiles.LargestImage)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return new(input => ImageFiles.Read(input, path, largestImage));
    }

    /// <summary>An image in a stream. It is read to its end by the first prediction that needs it, so it serves one prediction.</summary>
    /// <param name="stream">The stream, which stays open.</param>
    /// <param name="largestImage">The most pixels that the image may have.</param>
    /// <returns>The value.</returns>
    public static ImageValue FromStream(Stream stream, long largestImage = ImageFiles.LargestImage)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return new(input => ImageFiles.Read(input, stream, largestImage));
    }

    /// <summary>An image in memory.</summary>
    /// <param name="content">The content of an image file.</param>
    /// <param name="largestImage">The most pixels that the image may have.</param>
    /// <returns>The value.</returns>
    public static ImageValue FromBytes(byte[] content, long largestImage = ImageFiles.LargestImage)
    {
        ArgumentNullException.ThrowIfNull(content);
        return new(input => ImageFiles.Read(input, content, largestImage));
    }

    /// <inheritdoc/>
    public override Tensor Encode(string input, InputSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var image = spec as ImageInput ?? throw new MultiInputException(
            $"input '{input}'", ModelComponent.Input, $"an image was given, but its kind is {spec.Kind}.", "Give an input of images, or numbers or a row.");
        try
        {
            return read(image);
        }
        catch (MultiInputException e)
        {
            throw new MultiInputException($"input '{input}', {e.Subject}", e.Component, e.Problem, e.Cure, e);
        }
    }
}
