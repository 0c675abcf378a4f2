using System.Runtime.InteropServices;
using BitMiracle.LibTiff.Classic;
using MultiInputNet.Images;
using MultiInputNet.Tests.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Images;

/// <summary>The layouts that a TIFF of seven bands can have: band b of the pixel in row y, column x holds 1000·b + 31·y + x.</summary>
public sealed class TiffLayoutTests : IDisposable
{
    private const int Bands = 7;
    private const int Height = 37;
    private const int Width = 21;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(16, false, false, Compression.NONE)]
    [InlineData(16, true, false, Compression.NONE)]
    [InlineData(16, false, true, Compression.LZW)]
    [InlineData(16, true, true, Compression.ADOBE_DEFLATE)]
    [InlineData(32, false, false, Compression.PACKBITS)]
    [InlineData(32, true, true, Compression.NONE)]
    [InlineData(8, true, false, Compression.LZW)]
    [InlineData(8, false, true, Compression.NONE)]
    public void Strips_and_tiles_chunky_and_planar_give_the_same(int bits, bool isPlanar, bool isTiled, Compression compression)
    {
        using var scope = NewDisposeScope();
        Write(folder["bands.tif"], bits, isPlanar, isTiled, compression);

        var image = ImageFiles.Read(Inputs.Image(Bands, Height, Width), folder["bands.tif"]);

        var scale = bits switch { 8 => 255f, 16 => 65535f, _ => 1f };
        var expected = from band in Enumerable.Range(0, Bands)
                       from y in Enumerable.Range(0, Height)
                       from x in Enumerable.Range(0, Width)
                       select Value(band, y, x, bits) / scale;
        image.data<float>().ToArray().Should().Equal(expected);
    }

    [Fact]
    public void Bands_are_not_left_out_unasked()
    {
        Write(folder["bands.tif"], 16, isPlanar: false, isTiled: false, Compression.NONE);

        var act = () => ImageFiles.Read(Inputs.Image(3, Height, Width), folder["bands.tif"]);

        act.Should().Throw<MultiInputException>().WithMessage("*It has 7 channels, but the input has 3.*");
    }

    private static float Value(int band, int y, int x, int bits) => bits == 8 ? (byte)(100 * band + 31 * y + x) : 1000 * band + 31 * y + x;

    private static void Write(string path, int bits, bool isPlanar, bool isTiled, Compression compression)
    {
        using var file = Tiff.Open(path, "w");
        file.SetField(TiffTag.IMAGEWIDTH, Width);
        file.SetField(TiffTag.IMAGELENGTH, Height);
        file.SetField(TiffTag.BITSPERSAMPLE, bits);
        file.SetField(TiffTag.SAMPLESPERPIXEL, Bands);
        file.SetField(TiffTag.SAMPLEFORMAT, bits == 32 ? SampleFormat.IEEEFP : SampleFormat.UINT);
        file.SetField(TiffTag.PHOTOMETRIC, Photometric.MINISBLACK);
        file.SetField(TiffTag.PLANARCONFIG, isPlanar ? PlanarConfig.SEPARATE : PlanarConfig.CONTIG);
        file.SetField(TiffTag.COMPRESSION, compression);
        var (blockHeight, blockWidth) = isTiled ? (16, 16) : (10, Width);
        if (isTiled)
        {
            file.SetField(TiffTag.TILEWIDTH, blockWidth);
            file.SetField(TiffTag.TILELENGTH, blockHeight);
        }
        else
        {
            file.SetField(TiffTag.ROWSPERSTRIP, blockHeight);
        }

        var block = 0;
        foreach (var bands in isPlanar ? Enumerable.Range(0, Bands).Select(band => (int[])[band]).ToArray() : [[.. Enumerable.Range(0, Bands)]])
        {
            for (var top = 0; top < Height; top += blockHeight)
            {
                for (var left = 0; left < Width; left += blockWidth)
                {
                    var height = isTiled ? blockHeight : Math.Min(blockHeight, Height - top);
                    var values = from y in Enumerable.Range(top, height)
                                 from x in Enumerable.Range(left, blockWidth)
                                 from band in bands
                                 select Value(band, y, x, bits);
                    byte[] bytes = bits switch
                    {
                        8 => [.. values.Select(value => (byte)value)],
                        16 => MemoryMarshal.AsBytes(values.Select(value => (ushort)value).ToArray().AsSpan()).ToArray(),
                        _ => MemoryMarshal.AsBytes(values.ToArray().AsSpan()).ToArray(),
                    };
                    (isTiled ? file.WriteEncodedTile(block++, bytes, bytes.Length) : file.WriteEncodedStrip(block++, bytes, bytes.Length)).Should().Be(bytes.Length);
                }
            }
        }
    }
}
