using System.Text;
using MultiInputNet.Data;
using static MultiInputNet.Tests.Data.TemporaryFolder;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

/// <summary>Files that Fixtures/arrays.py wrote with NumPy: (2, 3, 4) numbers from 0 (unsigned), from -12 (signed), or those over 4.</summary>
public sealed class NumpyFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("i1", ScalarType.Int8)]
    [InlineData("i2", ScalarType.Int16)]
    [InlineData("i4", ScalarType.Int32)]
    [InlineData("i8", ScalarType.Int64)]
    [InlineData("u1", ScalarType.Byte, 255.0)]
    [InlineData("u2", ScalarType.Int32, 65535.0)]
    [InlineData("u4", ScalarType.Int64, 4294967295.0)]
    [InlineData("u8", ScalarType.Int64)]
    [InlineData("f2", ScalarType.Float16)]
    [InlineData("f4", ScalarType.Float32)]
    [InlineData("f8", ScalarType.Float64)]
    public void Every_type_is_read_in_both_byte_orders_and_both_orders_of_dimensions(string kind, ScalarType type, double? last = null)
    {
        using var scope = NewDisposeScope();
        var arrays = NumpyFile.ReadArchive(Fixture("arrays.npz"));
        var expected = Enumerable.Range(0, 24).Select(i => kind[0] switch { 'i' => i - 12, 'u' => i, _ => (i - 12) / 4.0 }).ToArray();
        expected[^1] = last ?? expected[^1];

        foreach (var order in new[] { "little", "big", "little_fortran", "big_fortran" })
        {
            var array = arrays[$"{kind}_{order}"];
            array.dtype.Should().Be(type);
            array.shape.Should().Equal(2, 3, 4);
            array.is_contiguous().Should().BeTrue();
            array.to(ScalarType.Float64).data<double>().ToArray().Should().Equal(expected, order);
        }
    }

    [Fact]
    public void Flags_scalars_and_empty_arrays_are_read()
    {
        using var scope = NewDisposeScope();
        var arrays = NumpyFile.ReadArchive(Fixture("arrays.npz"));

        arrays["b1_little"].data<bool>().ToArray().Should().Equal(Enumerable.Range(0, 24).Select(i => i % 3 == 0));
        arrays["scalar"].shape.Should().BeEmpty();
        arrays["scalar"].item<float>().Should().Be(2.5f);
        arrays["empty"].shape.Should().Equal(0, 5);
    }

    [Theory]
    [InlineData("version1.npy")]
    [InlineData("version2.npy")]
    [InlineData("version3.npy")]
    [InlineData("big_endian.npy")]
    public void Every_version_is_read(string file)
    {
        using var array = NumpyFile.Read(Fixture(file));

        array.data<float>().ToArray().Should().Equal(Enumerable.Range(-12, 24).Select(i => (float)i));
    }

    [Fact]
    public void An_array_is_written_as_NumPy_writes_it()
    {
        using var array = NumpyFile.Read(Fixture("version1.npy"));

        NumpyFile.Write(folder["copy.npy"], array);

        File.ReadAllBytes(folder["copy.npy"]).Should().Equal(File.ReadAllBytes(Fixture("version1.npy")));
    }

    [Fact]
    public void Every_type_that_NumPy_has_survives_writing()
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Bool, ScalarType.Int8, ScalarType.Int16, ScalarType.Int32, ScalarType.Int64, ScalarType.Byte, ScalarType.Float16, ScalarType.Float32, ScalarType.Float64 })
        {
            foreach (var array in new[] { arange(6).view(2, 3).t().to(type), arange(3).to(type), ones([], type), zeros([0, 2], type) })
            {
                NumpyFile.Write(folder["array.npy"], array);
                var read = NumpyFile.Read(folder["array.npy"]);
                read.dtype.Should().Be(type);
                read.shape.Should().Equal(array.shape);
                read.eq(array).all().item<bool>().Should().BeTrue();
            }
        }
    }

    [Fact]
    public void A_type_that_NumPy_lacks_is_refused()
    {
        using var array = zeros(2, ScalarType.BFloat16);

        var act = () => NumpyFile.Write(folder["array.npy"], array);

        act.Should().Throw<ArgumentException>().WithMessage("*BFloat16*to(ScalarType.Float32)*");
        Directory.GetFiles(folder[""]).Should().BeEmpty();
    }

    [Theory]
    [InlineData("objects.npy", "*Python objects*run code*")]
    [InlineData("records.npy", "*records*")]
    [InlineData("complex.npy", "*'<c8'*")]
    [InlineData("above_int64.npy", "*2^63*")]
    [InlineData("u1.idx", "*not an .npy file*")]
    public void Arrays_of_other_things_are_refused_by_name(string file, string message)
    {
        var act = () => NumpyFile.Read(Fixture(file));

        act.Should().Throw<MultiInputException>().WithMessage($"File '*{file}', file: {message}");
    }

    [Theory]
    [InlineData("(1099511627776, 4)")]
    [InlineData("(4611686018427387904, 4611686018427387904)")]
    [InlineData("(0, 4611686018427387904, 4611686018427387904)")]
    [InlineData("(-1,)")]
    [InlineData("(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)")]
    public void A_header_is_not_believed(string shape)
    {
        var header = Encoding.ASCII.GetBytes($"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".PadRight(117) + '\n');
        var path = folder.Write("claim.npy", [0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. header, 0, 0, 0, 0]);

        var act = () => NumpyFile.Read(path);

        act.Should().Throw<MultiInputException>().WithMessage("File '*claim.npy', file: *");
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void A_file_must_have_the_length_of_its_array(int difference)
    {
        var whole = File.ReadAllBytes(Fixture("version1.npy"));
        Array.Resize(ref whole, whole.Length + difference);

        var act = () => NumpyFile.Read(folder.Write("array.npy", whole));

        act.Should().Throw<MultiInputException>();
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var act = () => NumpyFile.Read(folder["none.npy"]);

        act.Should().Throw<MultiInputException>().WithMessage("*none.npy*");
    }

    [Fact]
    public void Samples_and_labels_become_a_source()
    {
        using var scope = NewDisposeScope();
        var classes = NumpyFile.ReadSource("land", Fixture("fortran.npy"), Fixture("labels.npy"));
        var values = NumpyFile.ReadSource("land", Fixture("fortran.npy"), Fixture("values.npy"));

        classes.Inputs["land"].dtype.Should().Be(ScalarType.Float32);
        classes.Targets["land"].data<long>().ToArray().Should().Equal(1, 0);
        values.Targets["land"].shape.Should().Equal(2, 1);
        values.Targets["land"].data<double>().ToArray().Should().Equal(1.5, 2.5);
    }

    [Theory]
    [InlineData("version1.npy")]
    [InlineData("big_endian.npy")]
    public void Rows_are_read_from_a_file_that_stays_where_it_is(string file)
    {
        using var scope = NewDisposeScope();
        using var source = new NumpySource("land", Fixture(file), Fixture("labels.npy"));

        source.IsInMemory.Should().BeFalse();
        source.Count.Should().Be(2);
        var batch = source.Read([1, 0, 1]);

        batch.Rows.Should().Equal(1, 0, 1);
        batch.Inputs["land"].shape.Should().Equal(3, 3, 4);
        batch.Inputs["land"].data<float>().ToArray().Should().Equal(
            Enumerable.Range(0, 12).Concat(Enumerable.Range(-12, 12)).Concat(Enumerable.Range(0, 12)).Select(i => (float)i));
    }

    [Fact]
    public void A_file_whose_rows_do_not_lie_in_one_place_is_refused()
    {
        var act = () => new NumpySource("land", Fixture("fortran.npy"), Fixture("labels.npy"));

        act.Should().Throw<MultiInputException>().WithMessage("*Fortran*ascontiguousarray*");
    }

    [Theory]
    [InlineData("version1.npy")]
    [InlineData("fortran.npy")]
    [InlineData("version3.npy")]
    public void Damaged_arrays_give_nothing_but_the_library_s_exception(string file) =>
        Fuzz.Run(Fixture(file), folder, 400, path => [NumpyFile.Read(path)]);

    [Theory]
    [InlineData("stored.npz")]
    [InlineData("arrays.npz")]
    public void Damaged_archives_give_nothing_but_the_library_s_exception(string file) =>
        Fuzz.Run(Fixture(file), folder, 400, path => NumpyFile.ReadArchive(path).Values);
}
