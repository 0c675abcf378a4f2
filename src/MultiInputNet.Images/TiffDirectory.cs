using System.Buffers.Binary;

namespace MultiInputNet.Images;

/// <summary>
/// Checks a page's directory before the decoder sees it, which allocates arrays of whatever size is declared: a size that the file cannot
/// hold is rejected.
/// </summary>
internal readonly ref struct TiffDirectory
{
    private const int ImageWidth = 256;
    private const int ImageLength = 257;
    private const int StripOffsets = 273;
    private const int SamplesPerPixel = 277;
    private const int RowsPerStrip = 278;
    private const int PlanarConfiguration = 284;
    private const int TileWidth = 322;
    private const int TileLength = 323;
    private const int TileOffsets = 324;

    private readonly ReadOnlySpan<byte> file;
    private readonly bool isBigEndian;

    /// <summary>Whether offsets are 64-bit (BigTIFF).</summary>
    private readonly bool isBig;

    public TiffDirectory(ReadOnlySpan<byte> file)
    {
        this.file = file;
        isBigEndian = file[0] == 'M';
        isBig = Number(2, 2) == 43;
    }

    /// <summary>The position of the first page's directory.</summary>
    public long First() => isBig ? Number(8, 8) : Number(4, 4);

    /// <summary>Checks the directory at a position and returns that of the next page; 0 if there is none.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public long Check(long position)
    {
        var (countBytes, entryBytes, wordBytes) = isBig ? (8, 20, 8) : (2, 12, 4);
        var count = Number(position, countBytes);
        var first = position + countBytes;
        if (count is <= 0 or > ushort.MaxValue)
            throw new InvalidDataException($"It is damaged: a page declares {count:N0} tags.");

        var numbers = new Dictionary<long, long>();
        var counts = new Dictionary<long, long>();
        for (var entry = first; entry < first + count * entryBytes; entry += entryBytes)
        {
            var (tag, type, values) = (Number(entry, 2), Number(entry + 2, 2), Number(entry + 4, wordBytes));
            var size = type switch { 1 or 2 or 6 or 7 => 1, 3 or 8 => 2, 4 or 9 or 11 or 13 => 4, 5 or 10 or 12 or 16 or 17 or 18 => 8, _ => 1 };
            if (values < 0 || values > file.Length / size)
                throw new InvalidDataException($"It is damaged: tag {tag} declares {values:N0} values, more than the file can hold.");
            // The decoder ignores a tag whose values are truncated, and the pixels would seem never to have been written.
            if (values * size > wordBytes && Number(entry + 4 + wordBytes, wordBytes) is var start && (start < 0 || start > file.Length - values * size))
                throw new InvalidDataException($"It is damaged: the values of tag {tag} are said to lie beyond its end.");
            counts[tag] = values;
            if (type is 3 or 4 or 16 && values == 1)
                numbers[tag] = Number(entry + 4 + wordBytes, size);
        }

        CheckBlocks(numbers, counts);
        return Number(first + count * entryBytes, wordBytes);
    }

    private static void CheckBlocks(Dictionary<long, long> numbers, Dictionary<long, long> counts)
    {
        var (height, width) = (numbers.GetValueOrDefault(ImageLength), numbers.GetValueOrDefault(ImageWidth));
        Int128 blocks;
        if (counts.ContainsKey(TileOffsets))
        {
            blocks = Blocks(height, numbers.GetValueOrDefault(TileLength)) * Blocks(width, numbers.GetValueOrDefault(TileWidth));
        }
        else
        {
            // The default is one strip, and so is any number of rows above the height.
            blocks = numbers.GetValueOrDefault(RowsPerStrip, height) is > 0 and var rows ? Blocks(height, rows) : 1;
        }

        if (numbers.GetValueOrDefault(PlanarConfiguration) == 2)
            blocks *= numbers.GetValueOrDefault(SamplesPerPixel, 1);
        var offsets = counts.GetValueOrDefault(TileOffsets, counts.GetValueOrDefault(StripOffsets));
        if (offsets < blocks)
            throw new InvalidDataException($"It is damaged: its {width:N0}×{height:N0} pixels are in {blocks:N0} strips or tiles, but it gives the positions of {offsets:N0} of them.");
    }

    private static Int128 Blocks(long size, long block) => block > 0 ? ((Int128)size + block - 1) / block : 0;

    private long Number(long position, int bytes)
    {
        if (position < 0 || position > file.Length - bytes)
            throw new InvalidDataException("It is damaged: it ends within the description of a page.");
        var part = file.Slice((int)position, bytes);
        return bytes switch
        {
            2 => isBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(part) : BinaryPrimitives.ReadUInt16LittleEndian(part),
            4 => isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(part) : BinaryPrimitives.ReadUInt32LittleEndian(part),
            _ => isBigEndian ? BinaryPrimitives.ReadInt64BigEndian(part) : BinaryPrimitives.ReadInt64LittleEndian(part),
        };
    }
}
