using System.IO.Compression;
using MultiInputNet.Data;
using static MultiInputNet.Tests.Data.TemporaryFolder;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

/// <summary>Files that gzip or zip packed: whole, cut and damaged.</summary>
public sealed class PackedFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(CompressionLevel.Optimal, false)]
    [InlineData(CompressionLevel.NoCompression, false)]
    [InlineData(CompressionLevel.Optimal, true)]
    public void A_table_that_was_cut_anywhere_is_refused(CompressionLevel level, bool inMembers)
    {
        using var scope = NewDisposeScope();
        var random = new Random(1);
        var rows = Enumerable.Range(0, 300).Select(row => $"{row},{random.NextDouble():R},{(row % 2 == 0 ? "even" : "odd")}\n").ToArray();
        var (packed, ends) = Pack(level, inMembers ? [["x,y,z\n", .. rows[..100]], rows[100..200], rows[200..]] : [["x,y,z\n", .. rows]]);
        var path = folder.Write("table.csv.gz", packed);
        var schema = TableSchema.Infer(path, ["z"]);
        new CsvSource("t", schema, path).Count.Should().Be(300);

        foreach (var length in Enumerable.Range(2, packed.Length - 2).Where(length => !ends.Contains(length) && (length % 7 == 0 || ends.Any(end => Math.Abs(end - length) < 20))))
        {
            folder.Write("table.csv.gz", packed[..length]);
            var read = () => new CsvSource("t", schema, path, onBroken: OnBroken.Skip);
            read.Should().Throw<MultiInputException>($"{length} of {packed.Length} bytes are no whole file").WithMessage("File '*table.csv.gz', file: *");
        }
    }

    [Theory]
    [InlineData(-8)]
    [InlineData(-4)]
    public void A_wrong_checksum_or_length_is_noticed(int place)
    {
        var (packed, _) = Pack(CompressionLevel.Optimal, [["x,y\n1,a\n2,b\n"]]);
        packed[packed.Length + place] ^= 1;
        var path = folder.Write("table.csv.gz", packed);

        var infer = () => TableSchema.Infer(path, ["y"]);

        infer.Should().Throw<MultiInputException>();
    }

    [Fact]
    public void Bytes_behind_the_end_are_refused()
    {
        var (packed, _) = Pack(CompressionLevel.Optimal, [["x,y\n1,a\n2,b\n"]]);
        var path = folder.Write("table.csv.gz", [.. packed, 1, 2, 3, 4, 5]);

        var infer = () => TableSchema.Infer(path, ["y"]);

        infer.Should().Throw<MultiInputException>();
    }

    [Fact]
    public void An_array_that_was_cut_anywhere_is_refused()
    {
        using var scope = NewDisposeScope();
        var whole = File.ReadAllBytes(Fixture("u1.idx.gz"));
        IdxFile.Read(Fixture("u1.idx.gz")).numel().Should().Be(24);

        for (var length = 0; length < whole.Length; length++)
        {
            var path = folder.Write("array.idx.gz", whole[..length]);
            path.Invoking(IdxFile.Read).Should().Throw<MultiInputException>($"{length} of {whole.Length} bytes are no whole file");
        }
    }

    [Theory]
    [InlineData("stored.npz")]
    [InlineData("arrays.npz")]
    public void A_changed_value_of_an_archive_is_noticed(string file)
    {
        using var scope = NewDisposeScope();
        var bytes = File.ReadAllBytes(Fixture(file));
        using (var archive = ZipFile.OpenRead(Fixture(file)))
            archive.Entries.Should().OnlyContain(entry => entry.Crc32 != 0);

        // The first array's last bytes stand before the second's local header.
        var second = bytes.AsSpan(4).IndexOf("PK\x03\x04"u8) + 4;
        bytes[second - 3] ^= 0x10;
        var path = folder.Write("damaged.npz", bytes);

        path.Invoking(NumpyFile.ReadArchive).Should().Throw<MultiInputException>().WithMessage(file == "stored.npz" ? "*Array 'x': Its checksum is*" : "*Array*");
    }

    [Fact]
    public void A_changed_name_of_an_array_is_noticed_at_both_of_its_places()
    {
        using var scope = NewDisposeScope();
        var whole = File.ReadAllBytes(Fixture("stored.npz"));
        var places = Enumerable.Range(0, whole.Length - 5).Where(place => whole.AsSpan(place).StartsWith("x.npy"u8)).ToArray();
        places.Should().HaveCount(2, "a name stands before the array and in the directory");

        foreach (var place in places)
        {
            var bytes = (byte[])whole.Clone();
            bytes[place] ^= 2;
            folder.Write("damaged.npz", bytes).Invoking(NumpyFile.ReadArchive).Should().Throw<MultiInputException>().WithMessage("*damaged zip archive (entry '*.npy' is not where the directory says)*");
        }
    }

    [Fact]
    public void A_cut_is_not_taken_for_another_encoding()
    {
        var (packed, _) = Pack(CompressionLevel.NoCompression, [["x,y\n", .. Enumerable.Range(0, 5_000).Select(row => $"{row},a\n")]]);
        var path = folder.Write("table.csv.gz", packed[..(packed.Length / 2)]);

        var read = () => CsvTable.Read(path);

        read.Should().Throw<MultiInputException>().WithMessage("*Its packed content is cut short*");
    }

    /// <summary>Texts packed into a member each, and where the members end.</summary>
    private static (byte[] Packed, int[] Ends) Pack(CompressionLevel level, string[][] members)
    {
        var packed = new MemoryStream();
        var ends = new List<int>();
        foreach (var member in members)
        {
            using (var gzip = new GZipStream(packed, level, leaveOpen: true))
                gzip.Write(System.Text.Encoding.UTF8.GetBytes(string.Concat(member)));
            ends.Add((int)packed.Length);
        }

        return (packed.ToArray(), [.. ends]);
    }
}
