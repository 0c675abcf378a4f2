using MultiInputNet.Data;
using static MultiInputNet.Tests.Data.TemporaryFolder;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

/// <summary>Files that Fixtures/arrays.py wrote: (2, 3, 4) numbers from 0 (unsigned) or from -12.</summary>
public sealed class IdxFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("u1.idx", ScalarType.Byte)]
    [InlineData("u1.idx.gz", ScalarType.Byte)]
    [InlineData("i1.idx", ScalarType.Int8)]
    [InlineData("i2.idx", ScalarType.Int16)]
    [InlineData("i4.idx", ScalarType.Int32)]
    [InlineData("f4.idx", ScalarType.Float32)]
    [InlineData("f8.idx", ScalarType.Float64)]
    public void Every_type_is_read(string file, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var array = IdxFile.Read(Fixture(file));

        array.dtype.Should().Be(type);
        array.shape.Should().Equal(2, 3, 4);
        array.to(ScalarType.Float64).data<double>().ToArray().Should().Equal(Enumerable.Range(type == ScalarType.Byte ? 0 : -12, 24).Select(i => (double)i));
    }

    [Fact]
    public void Images_and_labels_become_a_source()
    {
        using var scope = NewDisposeScope();
        var source = IdxFile.ReadSource("digit", Fixture("u1.idx.gz"), Fixture("labels.idx"));

        source.Inputs["digit"].shape.Should().Equal(2, 1, 3, 4);
        source.Inputs["digit"].data<float>().ToArray().Should().Equal(Enumerable.Range(0, 24).Select(i => i / 255f));
        source.Targets["digit"].data<long>().ToArray().Should().Equal(1, 0);
    }

    [Fact]
    public void A_file_of_another_shape_is_refused()
    {
        var act = () => IdxFile.ReadSource("digit", Fixture("labels.idx"), Fixture("labels.idx"));

        act.Should().Throw<MultiInputException>().WithMessage("*shape (2)*(count, height, width)*");
    }

    [Fact]
    public void A_header_is_not_believed()
    {
        var path = folder.Write("claim.idx", [0, 0, 8, 3, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0x1C, 1, 2, 3]);

        var act = () => IdxFile.Read(path);

        act.Should().Throw<MultiInputException>().WithMessage("File '*claim.idx', file: An array of shape (4294967295, 65535, 28) takes * bytes*");
    }

    [Theory]
    [InlineData("u1.idx")]
    [InlineData("u1.idx.gz")]
    [InlineData("f8.idx")]
    public void Damaged_files_give_nothing_but_the_library_s_exception(string file) =>
        Fuzz.Run(Fixture(file), folder, 400, path => [IdxFile.Read(path)]);
}
