using System.Buffers.Binary;
using System.Globalization;
using BitMiracle.LibTiff.Classic;
using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Tests.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Images;

/// <summary>Files that Fixtures/image_types.py wrote with GDAL, tifffile and Pillow, and what was written.</summary>
public sealed class ImageTypesTests : IDisposable
{
    private static readonly string[] kinds = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"];
    private static readonly string[] layouts = ["", "_big_endian", "_tiles", "_bigtiff"];
    private static readonly int[] fewBits = [1, 2, 4, 7, 10, 12, 14];
    private static readonly string[] floating = ["float32", "float64"];
    private static readonly string[] predicted = ["", "_tiles", "_big_endian"];
    private static readonly string[] orders = ["", "_interlaced"];
    private static readonly string[] turned = ["png", "webp"];
    private static readonly string[] plain =
    [
        "float16", "uint1", "uint2", "uint4", "uint7", "uint10", "uint12", "uint14", "fax", "fax3", "min_is_white", "cmyk",
        "premultiplied_uint8", "premultiplied_uint16", "premultiplied_float32", "premultiplied_grey", "palette1", "palette4", "palette8",
        "sparse_tiles", "sparse_planes", "sparse_strips", "sparse_big", "sparse_float", "masked",
    ];

    private readonly TemporaryFolder folder = new();

    public static IEnumerable<object[]> Files =>
    [
        .. from kind in kinds from layout in layouts select new[] { $"{kind}{layout}.tif", kind },
        .. plain.Select(name => new[] { $"{name}.tif", name }),
        .. from bits in fewBits select new[] { $"uint{bits}_tiles.tif", $"uint{bits}" },
        .. from kind in floating from layout in predicted select new[] { $"{kind}_p3{layout}.tif", $"{kind}_p3" },
        ["float16_p3.tif", "float16"],
        ["float16_p3_big_endian.tif", "float16"],
        ["fill_order.tif", "fax"],
        .. from channels in Enumerable.Range(1, 4) from layout in orders select new[] { $"png16_{channels}{layout}.png", $"png16_{channels}" },
        ["png16_key.png", "png16_key"],
        ["png16_tiny.png", "png16_tiny"],
        ["png16_turned.png", "png16_turned"],
        .. from orientation in Enumerable.Range(2, 7) select new[] { $"turned{orientation}.tif", $"turned{orientation}" },
        .. from orientation in Enumerable.Range(2, 7) from kind in turned select new[] { $"turned{orientation}.{kind}", $"turned{orientation}_colours" },
    ];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_type_and_layout_gives_what_was_written(string file, string expected)
    {
        using var scope = NewDisposeScope();
        var numbers = NumpyFile.Read(Picture($"{expected}.npy"));
        var input = Inputs.Image((int)numbers.shape[0], (int)numbers.shape[1], (int)numbers.shape[2]);

        var image = ImageFiles.Read(input, Picture(file))[0];

        var tolerance = expected.StartsWith("float", StringComparison.Ordinal) ? 0 : 2e-7;
        image.allclose(numbers, rtol: 0, atol: tolerance, equal_nan: true).Should().BeTrue();
    }

    [Fact]
    public void Floating_numbers_of_24_bits_are_read()
    {
        // Sign, 7 bits of exponent above a bias of 63, 16 of mantissa.
        var stored = new[] { 0x000000, 0x3F0000, 0xBF8000, 0x408000, 0x7F0000, 0xFF0000, 0x7F0001, 0x000001 };
        using (var file = Tiff.Open(folder["float24.tif"], "w"))
        {
            file.SetField(TiffTag.IMAGEWIDTH, stored.Length);
            file.SetField(TiffTag.IMAGELENGTH, 1);
            file.SetField(TiffTag.BITSPERSAMPLE, 24);
            file.SetField(TiffTag.SAMPLESPERPIXEL, 1);
            file.SetField(TiffTag.SAMPLEFORMAT, SampleFormat.IEEEFP);
            file.SetField(TiffTag.PHOTOMETRIC, Photometric.MINISBLACK);
            file.SetField(TiffTag.ROWSPERSTRIP, 1);
            byte[] bytes = [.. stored.SelectMany(bits => new[] { (byte)bits, (byte)(bits >> 8), (byte)(bits >> 16) })];
            file.WriteEncodedStrip(0, bytes, bytes.Length).Should().Be(bytes.Length);
        }

        using var image = ImageFiles.Read(Inputs.Image(1, 1, stored.Length), folder["float24.tif"]);

        image.data<float>().ToArray().Should().Equal(0, 1, -1.5f, 3, float.PositiveInfinity, float.NegativeInfinity, float.NaN, (float)Math.ScaleB(1, -78));
    }

    [Theory]
    [InlineData("zstd.tif", "ZSTD")]
    [InlineData("lzma.tif", "LZMA")]
    [InlineData("webp.tif", "WebP")]
    [InlineData("lerc.tif", "LERC")]
    public void Compressions_that_are_not_read_are_named(string file, string name)
    {
        var act = () => ImageFiles.Read(Inputs.Image(3, 8, 8), Picture(file));

        act.Should().Throw<MultiInputException>().WithMessage($"File '*{file}', file: It is compressed with {name}, which is not supported: convert it*");
    }

    [Fact]
    public void What_was_never_written_needs_no_bytes()
    {
        using var scope = NewDisposeScope();

        ImageFiles.Read(Inputs.Image(1, 8, 8), Picture("sparse_huge.tif")).abs().max().item<float>().Should().Be(0);
    }

    [Theory]
    [InlineData("../rgb_lzw.tif", 3)]
    [InlineData("../rgb_deflate.tif", 3)]
    [InlineData("../rgb_jpeg.tif", 3)]
    [InlineData("uint8_tiles.tif", 2)]
    [InlineData("uint12.tif", 2)]
    [InlineData("float64_p3.tif", 2)]
    [InlineData("sparse_strips.tif", 2)]
    [InlineData("fax.tif", 1)]
    public void A_strip_or_tile_that_is_cut_or_beyond_the_end_is_damage(string file, int channels)
    {
        var whole = File.ReadAllBytes(Picture(file));
        foreach (var (kind, content) in new[]
        {
            ("half", Changed(whole, [279, 325], bytes => bytes / 2)),
            ("beyond", Changed(whole, [273, 324], _ => (uint)whole.Length - 2)),
            ("long", Changed(whole, [279, 325], _ => uint.MaxValue)),
        })
        {
            var act = () => ImageFiles.Read(Inputs.Image(channels, 12, 20), folder.Write("cut.tif", content));

            act.Should().Throw<MultiInputException>(kind).WithMessage("File '*cut.tif', file: It is damaged*");
        }
    }

    [Theory]
    [InlineData("uint8.tif", 2)]
    [InlineData("int16_tiles.tif", 2)]
    [InlineData("float64_bigtiff.tif", 2)]
    [InlineData("uint16_big_endian.tif", 2)]
    [InlineData("png16_3.png", 3)]
    [InlineData("png16_1_interlaced.png", 1)]
    public void A_file_that_ends_anywhere_is_damage(string file, int channels)
    {
        var whole = File.ReadAllBytes(Picture(file));
        for (var length = 1; length < whole.Length; length += whole.Length / 60 + 1)
        {
            // What lies behind the last chunk of pixels in a PNG is not missed.
            if (file.EndsWith(".png", StringComparison.Ordinal) && length > whole.Length - 30)
                break;
            var act = () => ImageFiles.Read(Inputs.Image(channels, 8, 8), folder.Write("cut", whole[..length]));

            act.Should().Throw<MultiInputException>(length.ToString(CultureInfo.InvariantCulture));
        }
    }

    [Theory]
    [InlineData(257, 1 << 30)] // rows
    [InlineData(256, int.MaxValue)] // columns
    [InlineData(277, ushort.MaxValue)] // samples of a pixel
    [InlineData(258, ushort.MaxValue)] // bits
    [InlineData(278, 1)] // rows of a strip: there are fewer strips
    [InlineData(278, 0)]
    public void Sizes_that_a_TIFF_declares_are_not_believed(int tag, uint value)
    {
        var content = Changed(File.ReadAllBytes(Picture("uint8.tif")), [tag], _ => value);
        var path = folder.Write("declared.tif", content);
        var allocated = GC.GetAllocatedBytesForCurrentThread();

        var act = () => ImageFiles.Read(Inputs.Image(2, 8, 8), path);

        act.Should().Throw<MultiInputException>().WithMessage("File '*declared.tif', file: *");
        (GC.GetAllocatedBytesForCurrentThread() - allocated).Should().BeLessThan(4 << 20);
    }

    [Fact]
    public void A_tile_is_not_larger_than_its_bytes_can_be()
    {
        var content = Changed(Changed(File.ReadAllBytes(Picture("uint8_tiles.tif")), [322], _ => 1 << 14), [323], _ => 1 << 14);
        var act = () => ImageFiles.Read(Inputs.Image(2, 8, 8), folder.Write("tiles.tif", content));

        act.Should().Throw<MultiInputException>().WithMessage("*It declares strips or tiles of 16,384×16,384 pixels*");
    }

    [Theory]
    [InlineData("grey.gif", 1)]
    [InlineData("turned6.webp", 3)]
    [InlineData("png16_1_interlaced.png", 1)]
    [InlineData("uint8_bigtiff.tif", 2)]
    [InlineData("sparse_tiles.tif", 2)]
    public void A_declared_size_is_compared_with_the_limit(string file, int channels)
    {
        var act = () => ImageFiles.Read(Inputs.Image(channels, 8, 8), Picture(file), largestImage: 50);

        act.Should().Throw<MultiInputException>().WithMessage("*21×19 pixels*at most 50 *");
    }

    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    public void A_PNG_of_more_pixels_than_are_read_is_refused_before_it_is_unpacked(byte bits)
    {
        var content = File.ReadAllBytes(Picture("png16_3.png"));
        content[24] = bits;
        BinaryPrimitives.WriteUInt32BigEndian(content.AsSpan(16), 10_000);
        BinaryPrimitives.WriteUInt32BigEndian(content.AsSpan(20), 10_000);
        BinaryPrimitives.WriteUInt32BigEndian(content.AsSpan(29), Crc(content.AsSpan(12, 17)));
        var path = folder.Write("bomb.png", content);
        var act = () => ImageFiles.Read(Inputs.Image(3, 8, 8), path);
        var raised = () => ImageFiles.Read(Inputs.Image(3, 8, 8), path, largestImage: 100_000_000);

        act.Should().Throw<MultiInputException>().WithMessage("*10,000×10,000 pixels, but at most 67,108,864 are allowed*");
        raised.Should().Throw<MultiInputException>().WithMessage("*It is damaged*");
    }

    [Fact]
    public void A_PNG_s_check_sums_are_compared()
    {
        var whole = File.ReadAllBytes(Picture("png16_1.png"));
        var pixels = whole.ToArray();
        pixels[^17] ^= 1; // the last byte of the pixels' own check sum, before two check sums of chunks and the last chunk
        var header = whole.ToArray();
        header[18] ^= 1;

        foreach (var content in new[] { pixels, header })
        {
            var act = () => ImageFiles.Read(Inputs.Image(1, 8, 8), folder.Write("flipped.png", content));

            act.Should().Throw<MultiInputException>();
        }
    }

    [Fact]
    public void A_PNG_of_16_bits_keeps_what_8_bits_lose()
    {
        using var scope = NewDisposeScope();
        var image = ImageFiles.Read(Inputs.Image(1, 19, 21), Picture("png16_1.png"));

        var levels = image.data<float>().ToArray().Distinct().Count();

        levels.Should().BeGreaterThan(256);
    }

    [Theory]
    [InlineData("uint8_tiles.tif", 2)]
    [InlineData("float64_bigtiff.tif", 2)]
    [InlineData("uint12_tiles.tif", 2)]
    [InlineData("sparse_planes.tif", 2)]
    [InlineData("sparse_strips.tif", 2)]
    [InlineData("premultiplied_uint16.tif", 4)]
    [InlineData("cmyk.tif", 3)]
    [InlineData("palette4.tif", 3)]
    [InlineData("fax.tif", 1)]
    [InlineData("masked.tif", 1)]
    [InlineData("float16_p3_big_endian.tif", 2)]
    [InlineData("png16_4.png", 4)]
    [InlineData("png16_3_interlaced.png", 3)]
    [InlineData("png16_turned.png", 1)]
    [InlineData("turned6.png", 3)]
    [InlineData("turned6.webp", 3)]
    public void Damaged_files_give_nothing_but_the_library_s_exception(string file, int channels) => Fuzz.Run(
        Picture(file),
        folder,
        150,
        path => [ImageFiles.Read(Inputs.Image(channels, 12, 20), path, largestImage: 10_000)],
        sharesToBeRefused: 40,
        allowance: 8 << 20);

    private static string Picture(string name) => TemporaryFolder.Fixture(Path.Combine("images", "types", name));

    /// <summary>The file with the first value of those of the tags that it has changed.</summary>
    private static byte[] Changed(byte[] whole, int[] tags, Func<uint, uint> change)
    {
        var content = whole.ToArray();
        var directory = (int)BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(4));
        for (var entry = directory + 2; ; entry += 12)
        {
            var tag = BinaryPrimitives.ReadUInt16LittleEndian(content.AsSpan(entry));
            if (!tags.Contains(tag))
                continue;
            var isShort = BinaryPrimitives.ReadUInt16LittleEndian(content.AsSpan(entry + 2)) == 3;
            var bytes = BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(entry + 4)) * (isShort ? 2u : 4u);
            var at = bytes > 4 ? (int)BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(entry + 8)) : entry + 8;
            if (isShort && bytes == 2)
            {
                // As a long one, so that every value fits.
                BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(at), change(BinaryPrimitives.ReadUInt16LittleEndian(content.AsSpan(at))));
                BinaryPrimitives.WriteUInt16LittleEndian(content.AsSpan(entry + 2), 4);
            }
            else if (isShort)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(content.AsSpan(at), (ushort)change(BinaryPrimitives.ReadUInt16LittleEndian(content.AsSpan(at))));
            }
            else
            {
                BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(at), change(BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(at))));
            }

            return content;
        }
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = ~0u;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }

        return ~crc;
    }
}
