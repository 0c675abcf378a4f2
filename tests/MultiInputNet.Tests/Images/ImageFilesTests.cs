using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Tests.Data;
using SkiaSharp;
using static MultiInputNet.Tests.Data.TemporaryFolder;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Images;

/// <summary>Files that Fixtures/images.py wrote with Pillow, and what Pillow makes of them.</summary>
public sealed class ImageFilesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(Resize.Stretch, 24, 16, "stretch.npy")]
    [InlineData(Resize.Stretch, 60, 70, "enlarge.npy")]
    [InlineData(Resize.CentreCrop, 24, 16, "crop.npy")]
    [InlineData(Resize.Pad, 24, 16, "pad.npy")]
    public void Images_are_resized_as_Pillow_does(Resize resize, int height, int width, string expected)
    {
        var image = ImageFiles.Read(Inputs.Image(1, height, width) with { Resize = resize }, Picture("grey.png"));

        ShouldEqual(image, expected, 1e-5);
    }

    [Theory]
    [InlineData("rgb.png", 3, "rgb.npy", 1e-6)]
    [InlineData("rgb.bmp", 3, "rgb.npy", 1e-6)]
    [InlineData("rgb.webp", 3, "rgb.npy", 1e-6)]
    [InlineData("rgb.jpg", 3, "rgb.npy", 0.02)]
    [InlineData("palette.png", 3, "palette.npy", 1e-6)]
    [InlineData("palette.tif", 3, "palette.npy", 0.004)]
    [InlineData("rgb_lzw.tif", 3, "rgb.npy", 1e-6)]
    [InlineData("rgb_deflate.tif", 3, "rgb.npy", 1e-6)]
    [InlineData("rgb_jpeg.tif", 3, "rgb.npy", 0.02)]
    [InlineData("rgb.png", 1, "rgb_as_grey.npy", 0.5 / 255)]
    [InlineData("rgba.png", 4, "rgba.npy", 1e-6)]
    [InlineData("rgba.tif", 4, "rgba.npy", 1e-6)]
    [InlineData("rgba.png", 3, "rgb.npy", 1e-6)]
    [InlineData("rgba.tif", 3, "rgb.npy", 1e-6)]
    [InlineData("rgba.tif", 1, "rgb_as_grey.npy", 0.5 / 255)]
    [InlineData("grey16.tif", 1, "grey16.npy", 1e-6)]
    [InlineData("float.tif", 1, "float.npy", 0)]
    [InlineData("pages.tif", 5, "pages.npy", 1e-6)]
    public void Every_kind_of_file_is_brought_to_the_channels_of_the_input(string file, int channels, string expected, double tolerance)
    {
        var image = ImageFiles.Read(Inputs.Image(channels, 12, 20), Picture(file));

        ShouldEqual(image, expected, tolerance);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Images_are_turned_as_the_camera_says(int orientation)
    {
        var (height, width) = orientation >= 5 ? (20, 12) : (12, 20);

        ShouldEqual(ImageFiles.Read(Inputs.Image(3, height, width), Picture($"turned{orientation}.jpg")), $"turned{orientation}.npy", 0.02);
    }

    [Fact]
    public void Grey_becomes_three_equal_channels_and_missing_opacity_is_one()
    {
        using var scope = NewDisposeScope();
        var rgb = ImageFiles.Read(Inputs.Image(3, 37, 53), Picture("grey.png"));
        var rgba = ImageFiles.Read(Inputs.Image(4, 12, 20), Picture("rgb.png"));

        rgb[0, 0].eq(rgb[0, 2]).all().item<bool>().Should().BeTrue();
        rgba[0, 3].eq(1).all().item<bool>().Should().BeTrue();
    }

    [Theory]
    [InlineData("rgb.png", 5, "It has 3 channels, but the input has 5.")]
    [InlineData("pages.tif", 4, "Its pages together do not have the 4 channels of the input.")]
    [InlineData("rgb.npy", 3, "It is not an image of a supported kind*")]
    [InlineData("none.png", 3, "There is no such file*")]
    public void Files_that_do_not_fit_are_named(string file, int channels, string problem)
    {
        var act = () => ImageFiles.Read(Inputs.Image(channels, 12, 20), Picture(file));

        act.Should().Throw<MultiInputException>().WithMessage($"File '*{file}', file: {problem}*");
    }

    [Theory]
    [InlineData("rgb.png")]
    [InlineData("rgb.jpg")]
    [InlineData("rgb.bmp")]
    [InlineData("rgb.webp")]
    [InlineData("rgb_lzw.tif")]
    [InlineData("pages.tif")]
    public void A_declared_size_is_compared_with_the_limit(string file)
    {
        var act = () => ImageFiles.Read(Inputs.Image(3, 12, 20), Picture(file), largestImage: 50);

        act.Should().Throw<MultiInputException>().WithMessage("*20×12 pixels*");
    }

    [Fact]
    public void A_declared_size_is_not_believed()
    {
        var bitmap = File.ReadAllBytes(Picture("rgb.bmp"));
        BitConverter.TryWriteBytes(bitmap.AsSpan(18), 60_000);
        BitConverter.TryWriteBytes(bitmap.AsSpan(22), 60_000);
        var act = () => ImageFiles.Read(Inputs.Image(3, 12, 20), folder.Write("huge.bmp", bitmap));

        act.Should().Throw<MultiInputException>().WithMessage("*60,000×60,000 pixels, but at most 67,108,864 are allowed*");
    }

    [Theory]
    [InlineData("rgb.png")]
    [InlineData("rgb.jpg")]
    [InlineData("rgb_lzw.tif")]
    public void A_file_that_ends_within_the_image_is_broken(string file)
    {
        var whole = File.ReadAllBytes(Picture(file));
        var act = () => ImageFiles.Read(Inputs.Image(3, 12, 20), folder.Write(file, whole[..(whole.Length * 2 / 3)]));

        act.Should().Throw<MultiInputException>().WithMessage($"*{file}*");
    }

    [Theory]
    [InlineData("rgb.png", 3)]
    [InlineData("rgb_lzw.tif", 3)]
    [InlineData("rgb_jpeg.tif", 3)]
    [InlineData("pages.tif", 5)]
    [InlineData("float.tif", 1)]
    public void Damaged_files_give_nothing_but_the_library_s_exception(string file, int channels) =>
        Fuzz.Run(
            Picture(file),
            folder,
            150,
            path => [ImageFiles.Read(Inputs.Image(channels, 12, 20), path, largestImage: 10_000)],
            sharesToBeRefused: 20,
            allowance: 256 << 20); // LibTiff.NET's own buffers, for the 65,535 columns that a JPEG stream may declare

    [Fact]
    public void A_loaded_model_takes_raw_files()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 8, 8) with { Resize = Resize.CentreCrop })
            .Base(Bases.ConvNet(channels: 4)).Task("photo", Heads.Classification(2)).Build(CPU);
        model.Save(folder["model.safetensors"]);
        using var loaded = MultiInputModel.Load(folder["model.safetensors"], CPU);

        var input = loaded.Description.Input<ImageInput>("photo");
        var output = loaded.forward(ImageFiles.Read(input, Picture("rgb.jpg")), "photo");

        input.Resize.Should().Be(Resize.CentreCrop);
        output.shape.Should().Equal(1, 2);
        output.isfinite().all().item<bool>().Should().BeTrue();
    }

    [Fact]
    public void A_photo_s_values_are_those_that_Skia_decodes()
    {
        using var scope = NewDisposeScope();
        using var bitmap = SKBitmap.Decode(Picture("turned1.jpg"));

        var image = ImageFiles.Read(Inputs.Image(3, 12, 20), Picture("turned1.jpg"));

        for (var x = 0; x < 20; x++)
            image[0, .., 5, x].data<float>().ToArray().Should().Equal(bitmap.GetPixel(x, 5).Red / 255f, bitmap.GetPixel(x, 5).Green / 255f, bitmap.GetPixel(x, 5).Blue / 255f);
    }

    private static string Picture(string name) => Fixture(Path.Combine("images", name));

    private static void ShouldEqual(Tensor image, string expected, double tolerance)
    {
        using var scope = NewDisposeScope();
        var numbers = NumpyFile.Read(Picture(expected)).unsqueeze(0);
        image.shape.Should().Equal(numbers.shape);
        (image - numbers).abs().max().item<float>().Should().BeLessThanOrEqualTo((float)tolerance);
        image.Dispose();
    }
}
