using SkiaSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests;

public sealed class PicturesTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Delete(recursive: true);
    }

    [Fact]
    public void An_image_is_read_back_as_it_was()
    {
        var bytes = randint(0, 256, [3, 5, 7], dtype: ScalarType.Byte);
        var path = Path.Combine(folder.FullName, "image.png");

        Pictures.SavePng(bytes, path);
        using var found = SKBitmap.Decode(path);

        (found.Width, found.Height).Should().Be((7, 5));
        for (var y = 0; y < 5; y++)
        {
            for (var x = 0; x < 7; x++)
                found.GetPixel(x, y).Should().Be(new SKColor(bytes[0, y, x].item<byte>(), bytes[1, y, x].item<byte>(), bytes[2, y, x].item<byte>()));
        }

        Pictures.ToPng(bytes.to(ScalarType.Float64) / 255).Should().Equal(File.ReadAllBytes(path));
        Pictures.ToPng(bytes.transpose(1, 2).contiguous().transpose(1, 2) / 255f).Should().Equal(File.ReadAllBytes(path), "the layout in memory does not matter");
    }

    [Fact]
    public void Grey_images_have_one_channel_or_none()
    {
        using var found = SKBitmap.Decode(Pictures.ToPng(tensor(new[,] { { 0f, 1 }, { 0.2f, 0.6f } })));

        found.Pixels.Should().Equal(new SKColor(0, 0, 0), new SKColor(255, 255, 255), new SKColor(51, 51, 51), new SKColor(153, 153, 153));
        Pictures.ToPng(tensor(new[,] { { 0f, 1 }, { 0.2f, 0.6f } }).unsqueeze(0)).Should().Equal(Pictures.ToPng(tensor(new[,] { { 0f, 1 }, { 0.2f, 0.6f } })));
    }

    [Fact]
    public void A_map_has_the_colours_of_its_ends_and_middle()
    {
        var map = tensor(new[,] { { -2.0, 0, 1, 2 } });

        Colors(Pictures.Colored(map)).Should().StartWith(["68 1 84"]).And.EndWith("253 231 37");
        Colors(Pictures.Colored(map, ColorMap.Gray)).Should().Equal("0 0 0", "128 128 128", "191 191 191", "255 255 255");
        Colors(Pictures.Colored(map, ColorMap.Gray, 0, 1)).Should().Equal("0 0 0", "0 0 0", "255 255 255", "255 255 255");
        var signed = Colors(Pictures.Colored(map, ColorMap.BlueRed));
        signed.Should().StartWith(["23 66 130"]).And.EndWith("122 13 37");
        signed[1].Split(' ').Select(int.Parse).Should().OnlyContain(level => level > 240);
        Colors(Pictures.Colored(zeros(1, 2), ColorMap.BlueRed)).Should().OnlyContain(color => color.StartsWith("24"));
        Colors(Pictures.Colored(ones(1, 2))).Should().OnlyContain(color => color == "68 1 84");

        static string[] Colors(Tensor picture) => [.. Enumerable.Range(0, (int)picture.shape[2]).Select(x => string.Join(' ', Enumerable.Range(0, 3).Select(c => $"{picture[c, 0, x].item<float>() * 255:0}")))];
    }

    [Fact]
    public void An_overlay_is_the_image_in_grey_and_the_enlarged_map()
    {
        var image = rand(3, 4, 4);
        var map = tensor(new[,] { { 0f, 1 }, { 0, 1 } });

        Pictures.Overlay(image, map, opacity: 0).allclose(image.mean([0]).expand(3, 4, 4), atol: 0.5 / 255 + 1e-6).Should().BeTrue();
        Pictures.Overlay(image, map, opacity: 1).allclose(Pictures.Colored(nn.functional.interpolate(map.view(1, 1, 2, 2), [4, 4], mode: InterpolationMode.Bilinear)[0, 0])).Should().BeTrue();
    }

    [Fact]
    public void Wrong_pictures_are_refused_and_write_nothing()
    {
        var path = Path.Combine(folder.FullName, "no.png");
        Mistake(() => Pictures.SavePng(rand(2, 4, 4), path)).Should().Contain("(2, 4, 4)").And.Contain("(3, height, width)");
        Mistake(() => Pictures.SavePng(rand(3, 0, 4), path)).Should().Contain("sides of 1");
        Mistake(() => Pictures.SavePng(rand(3, 4, 4) * 2 + 1, path)).Should().Contain("values from 0 to 1");
        Mistake(() => Pictures.SavePng(full([4, 4], double.NaN), path)).Should().Contain("NaN");
        Mistake(() => Pictures.SavePng(ones([4, 4], ScalarType.Int64), path)).Should().Contain("Int64");
        Mistake(() => Pictures.SavePng(full([4, 4], double.NaN), path, ColorMap.Viridis)).Should().Contain("not finite");
        Mistake(() => Pictures.SavePng(rand(4, 4), path, ColorMap.Viridis, 1, 0)).Should().Contain("a lower and a higher");
        Mistake(() => Pictures.SavePng(rand(4, 4), path, (ColorMap)7)).Should().Contain("Viridis, BlueRed, Gray");
        Mistake(() => Pictures.Overlay(rand(3, 4, 4), rand(4, 4), 1.5)).Should().Contain("0 to 1");
        var gone = rand(3, 4, 4);
        gone.Dispose();
        Mistake(() => Pictures.SavePng(gone, path)).Should().Contain("was disposed of");
        Mistake(() => Pictures.SavePng(gone, path, ColorMap.Viridis)).Should().Contain("was disposed of");
        Mistake(() => Pictures.Overlay(gone, rand(4, 4))).Should().Contain("was disposed of");
        Mistake(() => Pictures.Overlay(rand(3, 4, 4), gone)).Should().Contain("was disposed of");
        ((Action)(() => Pictures.SavePng(rand(4, 4), Path.Combine(folder.FullName, "missing", "a.png")))).Should().Throw<MultiInputException>().WithMessage("*there is no folder*");
        folder.GetFileSystemInfos().Should().BeEmpty();

        static string Mistake(Action action) => action.Should().Throw<ArgumentException>().Which.Message;
    }
}
