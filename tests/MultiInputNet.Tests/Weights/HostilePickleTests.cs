using System.IO.Compression;
using System.Text;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Weights;

/// <summary>
/// Pickles written by hand, in Latin-1: a PyTorch file is a zip archive with such a program in it, which Python would run.
/// </summary>
public sealed class HostilePickleTests
{
    private const string Two = "\u0080\u0002";
    private const string Four = "\u0080\u0004";
    private const string Dictionary = "ccollections\nOrderedDict\n)R";
    private const string Storage = "(X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0001\0\0\00X\u0003\0\0\0cpuK\u0006tQ";

    public static TheoryData<string, string> Names => new()
    {
        { Two + "cos\nsystem\nX\u0002\0\0\0ls\u0085R.", "os.system" },
        { Two + "cposix\nsystem\nX\u0002\0\0\0ls\u0085R.", "posix.system" },
        { Two + "c__builtin__\neval\nX\u0001\0\0\01\u0085R.", "__builtin__.eval" },
        { Four + "\u008c\u0008builtins\u008c\u0004exec\u0093\u008c\u00011\u0085R.", "builtins.exec" },
        { Two + "(X\u0002\0\0\0lsios\nsystem\n.", "os.system" },
        { Two + "cbuiltins\ngetattr\n.", "builtins.getattr" },
        { Two + "csubprocess\nPopen\n.", "subprocess.Popen" },
        { Two + "cnumpy.core.multiarray\nscalar\n.", "numpy.core.multiarray.scalar" },
        { Two + "cargparse\nNamespace\n)\u0081.", "argparse.Namespace" },
        { Two + "ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes" },
        { Two + "ctorch.serialization\nload\n.", "torch.serialization.load" },
        { Two + "ctorch._utils\n_rebuild_tensor_v4\n.", "torch._utils._rebuild_tensor_v4" },
        { Two + "}X\u0001\0\0\0acos\nsystem\nX\u0002\0\0\0ls\u0085Rs.", "os.system" },
        { Two + "ctorch._utils\n_rebuild_tensor_v2 \n.", "torch._utils._rebuild_tensor_v2 " },
        { Two + "ctorch._utils\r\n_rebuild_tensor_v2\n.", "torch._utils\uFFFD._rebuild_tensor_v2" },
        { Two + "ctorch\n_utils._rebuild_tensor_v2\n.", "torch._utils._rebuild_tensor_v2" },
        { Two + "ctorch\nfloatStorage\n.", "torch.floatStorage" },
        { Two + "ctorch\nFloatStorage.__init__\n.", "torch.FloatStorage.__init__" },
        { Two + "ccollections\nOrderedDict.fromkeys\n.", "collections.OrderedDict.fromkeys" },
        { Two + "ccollections\nordereddict\n.", "collections.ordereddict" },
        { Two + "c\n\n.", "." },
        { Four + "\u008c\u000dtorch\nStorage\u008c\0\u0093.", "torch\uFFFDStorage." },
        { Four + "\u008c\u0006\u00c3\u00a4\u00c3\u00a4\u00c3\u00a4\u008c\u0001y\u0093.", "äää.y" },
    };

    public static TheoryData<string, string> Programs => new()
    {
        { Two + Dictionary + ")\u0081.", "*instruction 0x81 at*" },
        { Four + "))}\u0092.", "*instruction 0x92 at*" },
        { Two + "(o.", "*instruction 0x6F at*" },
        { Two + "\u0082\u0001.", "*instruction 0x82 at*" },
        { Two + "P0\n.", "*instruction 0x50 at*" },
        { Two + "N2.", "*instruction 0x32 at*" },
        { "\u0080\u0001N.", "*its protocol is not one of 2 to 5*" },
        { "\u0080\u0006N.", "*its protocol is not one of 2 to 5*" },
        { "N.", "*its protocol is not one of 2 to 5*" },
        { "", "*its protocol is not one of 2 to 5*" },
        { Two, "*it ends early*" },
        { Two + ".", "*something is left over at its end*" },
        { Two + "NN.", "*something is left over at its end*" },
        { Two + "N.N", "*something is left over at its end*" },
        { Two + "(N.", "*something is left over at its end*" },
        { Two + "R.", "*pops from an empty stack*" },
        { Two + "N(q\0.", "*pops from an empty stack*" },
        { Two + "N(a.", "*pops from an empty stack*" },
        { Two + "Nt.", "*a mark is missing*" },
        { Two + "NNa.", "*appends to something that is not a list*" },
        { Two + "NNNs.", "*adds to something that is not a dictionary*" },
        { Two + "}(Nu.", "*a key without a value*" },
        { Two + "X\u0002\0\0\0ls)R.", "*calls something that is not a function*" },
        { Two + "ctorch\nFloatStorage\n)R.", "*calls something that is not a function*" },
        { Two + "ccollections\nOrderedDict\n]R.", "*calls something that is not a function*" },
        { Two + "ccollections\nOrderedDict\n]\u0085R.", "*makes a value of kind OrderedDictionary from the wrong arguments*" },
        { Two + "ctorch._utils\n_rebuild_tensor_v2\n)R.", "*makes a value of kind Tensor from the wrong arguments*" },
        { Two + "ctorch._utils\n_rebuild_parameter\n)R.", "*makes a value of kind Parameter from the wrong arguments*" },
        { Two + "c_codecs\nencode\nX\u0001\0\0\0aX\u0005\0\0\0rot13\u0086R.", "*makes a value of kind Bytes from the wrong arguments*" },
        { Two + "}}b.", "*sets the attributes of an object*" },
        { Two + Dictionary + ")b.", "*sets the attributes of an object*" },
        { Two + "ctorch\nFloatStorage\n}b.", "*sets the attributes of an object*" },
        { Two + "NQ.", "*not a storage*" },
        { Two + "X\u0001\0\0\00Q.", "*not a storage*" },
        { Two + ")Q.", "*not a storage*" },
        { Two + "(X\u0006\0\0\0modulectorch\nFloatStorage\nX\u0001\0\0\00X\u0003\0\0\0cpuK\u0006tQ.", "*not a storage*" },
        { Two + "(X\u0007\0\0\0storageX\u0002\0\0\0osX\u0001\0\0\00X\u0003\0\0\0cpuK\u0006tQ.", "*not a storage*" },
        { Two + "(X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0001\0\0\01X\u0003\0\0\0cpuK\u0006tQ.", "*storage '1' is missing*" },
        { Two + "(X\u0007\0\0\0storagectorch\nFloatStorage\nX\u000b\0\0\0../data.pklX\u0003\0\0\0cpuK\u0001tQ.", "*storage '../data.pkl' is missing*" },
        { Two + Storage.Replace("K\u0006", "K\u0007", StringComparison.Ordinal) + ".", "*storage '0' has 24 bytes, too few for 7 values of type Float32*" },
        { Two + Storage.Replace("K\u0006", "J\u00ff\u00ff\u00ff\u00ff", StringComparison.Ordinal) + ".", "*too few for -1 values*" },
        { Two + Storage + Storage.Replace("Float", "Int", StringComparison.Ordinal) + ".", "*storage '0' is of type Float32 and of type Int32*" },
        { Two + "Nr\u00ff\u00ff\u00ff\u00ff.", "*memoizes value 4,294,967,295 before value 0*" },
        { Two + "Nr\u0000\u0000\u0000\u0040.", "*memoizes value 1,073,741,824 before value 0*" },
        { Two + "j\u00ff\u00ff\u00ff\u007f.", "*recalls value 2,147,483,647 of 0*" },
        { Two + "h\0.", "*recalls value 0 of 0*" },
        { Two + "X\u00ff\u00ff\u00ff\u00ffa.", "*it ends early*" },
        { Four + "\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007fa.", "*it ends early*" },
        { Four + "\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ffa.", "*it ends early*" },
        { Four + "\u0095\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ffN.", "*a frame extends beyond its end*" },
        { Two + "X\u0001\0\0\0\u00ff.", "*a text is not UTF-8*" },
        { Two + new string('(', 1_001) + ".", "*nested deeper than 1,000*" },
        { Two + new string(']', 2_000_001) + ".", "*more than 2,000,000 instructions*" },
        { Two + new string('}', 2_000_001) + ".", "*more than 2,000,000 instructions*" },
        { Two + new string(']', 500_000) + new string('a', 499_999) + ".", "*no dictionary of tensors*" },
        { Two + "]q\0h\0a.", "*no dictionary of tensors*" },
        { Two + "}q\0X\u0005\0\0\0modelh\0s.", "*it holds no state dict*" },
    };

    public static TheoryData<string, string> Tensors => new()
    {
        { Tensor("K\u0001", "K\u0002K\u0003\u0086", "K\u0003K\u0001\u0086"), "*'w' of shape (2, 3) extends beyond its storage of 6 values*" },
        { Tensor("K\0", "K\u0002K\u0003\u0086", "K\u0004K\u0001\u0086"), "*extends beyond its storage*" },
        { Tensor("J\u00ff\u00ff\u00ff\u00ff", "K\u0001\u0085", "K\u0001\u0085"), "*size, stride or offset below 0*" },
        { Tensor("K\0", "J\u00ff\u00ff\u00ff\u00ff\u0085", "K\u0001\u0085"), "*size, stride or offset below 0*" },
        { Tensor("K\u0005", "K\u0002\u0085", "J\u00ff\u00ff\u00ff\u00ff\u0085"), "*size, stride or offset below 0*" },
        { Tensor("K\0", "K\u0002\u0085", ")"), "*1 dimensions but 0 strides*" },
        { Tensor("K\0", "M\u00ff\u00ff\u0085", "K\0\u0085"), "*repeats the values of its storage of 6*" },
        { Tensor("K\0", "J\u00ff\u00ff\u00ff\u007fJ\u00ff\u00ff\u00ff\u007fJ\u00ff\u00ff\u00ff\u007f\u0087", "K\0K\0K\0\u0087"), "*larger than any memory*" },
        { Tensor("K\0", "K\u0002\u0085", "\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f\u0085"), "*extends beyond its storage*" },
        { Tensor("\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f", "K\u0001\u0085", "K\u0001\u0085"), "*extends beyond its storage*" },
        { Tensor("K\0", "\u008a\u0009\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u0001\u0085", "K\u0001\u0085"), "*a size is not an integer*" },
        { Tensor("K\0", "X\u0001\0\0\01\u0085", "K\u0001\u0085"), "*a size is not an integer*" },
        { Tensor("K\0", "(" + new string('N', 65).Replace("N", "K\u0001", StringComparison.Ordinal) + "t", "K\u0001\u0085"), "*65 dimensions*" },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_name_but_those_of_a_state_dict_is_refused_by_name(string pickle, string name) =>
        ShouldBeRefused(pickle, $"*its pickle asks for '{name}', which is not part of a state dict; no code in a file is run.*");

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_program_that_is_no_data_is_refused(string pickle, string message) => ShouldBeRefused(pickle, message);

    [Theory]
    [MemberData(nameof(Tensors))]
    public void A_tensor_outside_its_storage_is_refused(string pickle, string message) => ShouldBeRefused(pickle, message);

    [Fact]
    public void A_tensor_written_by_hand_is_read()
    {
        using var scope = NewDisposeScope();
        using var file = new TemporaryFile(Archive(Tensor("K\u0001", "K\u0002K\u0002\u0086", "K\u0001K\u0002\u0086")));
        using var weights = WeightFile.Open(file.Path);

        weights.Read("w").data<float>().Should().Equal(1, 3, 2, 4);
    }

    /// <summary>What other versions of PyTorch write for tensors with attributes, for parameters, and for types without a storage of their own.</summary>
    [Theory]
    [InlineData("ctorch._utils\n_rebuild_tensor\n(STORAGEK\u0001K\u0002\u0085K\u0001\u0085tR")]
    [InlineData("ctorch._utils\n_rebuild_parameter_with_state\n(TENSOR\u0088ORDERED}tR")]
    [InlineData("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch\nTensor\n(STORAGEK\u0001K\u0002\u0085K\u0001\u0085\u0089ORDEREDt}tR")]
    [InlineData("ctorch._tensor\n_rebuild_from_type\n(ctorch._utils\n_rebuild_parameter\nctorch.nn.parameter\nParameter\n(TENSOR\u0088ORDEREDt}tR")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v3\n(UNTYPEDK\u0001K\u0002\u0085K\u0001\u0085\u0089ORDEREDctorch\nfloat32\ntR")]
    [InlineData("TENSOR}b")]
    [InlineData("\u008b\u0001\0\0\0\u00070TENSOR")]
    [InlineData("(NN1TENSOR")]
    public void Tensors_of_other_versions_are_read(string tensor)
    {
        using var scope = NewDisposeScope();
        using var file = new TemporaryFile(Archive($"{Two}}}U\u0001w{Expand(tensor)}s."));
        using var weights = WeightFile.Open(file.Path);

        weights.Read("w").data<float>().Should().Equal(1, 2);
    }

    [Theory]
    [InlineData("uint16", "U16", new double[] { 0, 0, 0, 16256, 0, 16384, 0, 16448, 0, 16512, 0, 16544 })]
    [InlineData("float8_e5m2", "F8", null)]
    [InlineData("float4_e2m1fn_x2", null, null)]
    public void A_tensor_says_the_type_of_a_storage_without_one(string type, string? known, double[]? expected)
    {
        using var scope = NewDisposeScope();
        var count = type == "uint16" ? "K\u000c" : "K\u0018";
        var tensor = $"ctorch._utils\n_rebuild_tensor_v3\n(UNTYPEDK\0{count}\u0085K\u0001\u0085\u0089ORDEREDctorch\n{type}\ntR";
        using var file = new TemporaryFile(Archive($"{Two}}}U\u0001w{Expand(tensor)}s."));
        using var weights = WeightFile.Open(file.Path);

        weights.Entries[0].IsReadable.Should().Be(known is not null);
        if (known is not null)
            weights.Read("w").numel().Should().Be(type == "uint16" ? 12 : 24);
        if (expected is not null)
            weights.Read("w").to(ScalarType.Float64).data<double>().Should().Equal(expected);
    }

    [Fact]
    public void Code_beside_tensors_is_not_run_and_the_tensors_are_read()
    {
        using var scope = NewDisposeScope();
        using var trace = new TemporaryFile();
        File.Delete(trace.Path);
        var command = $"touch {trace.Path}";
        var call = $"cos\nsystem\nU{(char)command.Length}{command}\u0085R";
        using var file = new TemporaryFile(Archive(Expand($"{Two}}}(U\u0001a{call}U\u0001wTENSORU\u0001b{call}u.")));
        using var weights = WeightFile.Open(file.Path);

        weights.Read("w").data<float>().Should().Equal(1, 2);
        File.Exists(trace.Path).Should().BeFalse();
    }

    [Fact]
    public void Dictionaries_that_share_one_another_are_walked_once()
    {
        var pickle = new StringBuilder(Expand($"{Two}}}q\0U\u0001wTENSORs"));
        for (var level = 1; level < 60; level++)
            pickle.Append($"0}}q{(char)level}(U\u0001ah{(char)(level - 1)}U\u0001bh{(char)(level - 1)}u");
        using var file = new TemporaryFile(Archive($"{pickle}."));
        var open = () => WeightFile.Open(file.Path);

        open.Should().Throw<MultiInputException>().WithMessage("*no state dict*");
    }

    [Fact]
    public void A_list_that_contains_itself_is_no_danger()
    {
        var pickle = Tensor("K\0", "K\u0001\u0085", "K\u0001\u0085")[..^1] + "X\u0001\0\0\0l]q\0h\0as.";
        using var file = new TemporaryFile(Archive(pickle));
        using var weights = WeightFile.Open(file.Path);

        weights.Entries.Select(entry => entry.Name).Should().Equal("w");
    }

    [Fact]
    public void Many_views_of_one_storage_take_its_memory_once()
    {
        using var scope = NewDisposeScope();
        var item = Tensor("K\0", "K\u0006\u0085", "K\u0001\u0085")[3..^2];
        var items = string.Concat(Enumerable.Range(100, 500).Select(i => item.Replace("X\u0001\0\0\0w", $"X\u0003\0\0\0{i}", StringComparison.Ordinal) + "s"));
        using var file = new TemporaryFile(Archive($"{Two}}}{items}."));
        using var weights = WeightFile.Open(file.Path);

        var tensors = weights.ReadAll();

        tensors.Should().HaveCount(500);
        tensors["100"][3] = tensor(-1f);
        tensors.Values.Should().OnlyContain(value => value[3].item<float>() == -1);
    }

    [Fact]
    public void Entries_of_the_archive_may_not_overlap()
    {
        var archive = Archive(Tensor("K\0", "K\u0001\u0085", "K\u0001\u0085"), extra: "archive/data/1");
        var first = Find(archive, "archive/data/0");
        foreach (var field in new[] { first - 26, first - 22 }) // packed size and size stand before the name
            BitConverter.TryWriteBytes(archive.AsSpan(field), BitConverter.ToInt32(archive, field) + 40);

        ShouldBeRefused(archive, "*damaged zip archive (entries overlap at byte *");
    }

    [Theory]
    [InlineData(-26)] // packed size
    [InlineData(-4)] // place
    public void Sizes_and_places_in_the_archive_are_not_believed(int field)
    {
        var archive = Archive(Tensor("K\0", "K\u0001\u0085", "K\u0001\u0085"));
        archive.AsSpan(Find(archive, "archive/data/0") + field, 4).Fill(0x7F);

        ShouldBeRefused(archive, "*");
    }

    [Fact]
    public void An_archive_that_is_cut_off_anywhere_is_refused()
    {
        var archive = Archive(Tensor("K\0", "K\u0001\u0085", "K\u0001\u0085"));
        for (var length = 0; length < archive.Length; length++)
            ShouldBeRefused(archive[..length], "*");
    }

    private static string Tensor(string offset, string shape, string strides) =>
        $"{Two}}}X\u0001\0\0\0wctorch._utils\n_rebuild_tensor_v2\n({Storage}{offset}{shape}{strides}\u0089{Dictionary}tRs.";

    private static string Expand(string pickle) => pickle
        .Replace("TENSOR", "ctorch._utils\n_rebuild_tensor_v2\n(STORAGEK\u0001K\u0002\u0085K\u0001\u0085\u0089ORDEREDtR", StringComparison.Ordinal)
        .Replace("UNTYPED", "(X\u0007\0\0\0storagectorch.storage\nUntypedStorage\nX\u0001\0\0\00X\u0003\0\0\0cpuK\u0018tQ", StringComparison.Ordinal)
        .Replace("STORAGE", Storage, StringComparison.Ordinal)
        .Replace("ORDERED", Dictionary, StringComparison.Ordinal);

    private static byte[] Archive(string pickle, string? extra = null)
    {
        using var content = new MemoryStream();
        using (var archive = new ZipArchive(content, ZipArchiveMode.Create))
        {
            Add("archive/data.pkl", Encoding.Latin1.GetBytes(pickle));
            Add("archive/data/0", [.. Enumerable.Range(0, 6).SelectMany(i => BitConverter.GetBytes((float)i))]);
            if (extra is not null)
                Add(extra, new byte[24]);

            void Add(string name, byte[] bytes)
            {
                using var entry = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(bytes);
            }
        }

        return content.ToArray();
    }

    /// <summary>Where a name stands in the archive's directory, which is behind the entries.</summary>
    private static int Find(byte[] archive, string name) => archive.AsSpan().LastIndexOf(Encoding.ASCII.GetBytes(name));

    private static void ShouldBeRefused(string pickle, string message) => ShouldBeRefused(Archive(pickle), message);

    private static void ShouldBeRefused(byte[] content, string message)
    {
        using var file = new TemporaryFile(content);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var open = () => WeightFile.Open(file.Path);

        open.Should().Throw<MultiInputException>().WithMessage(message).Where(e => e.Component == ModelComponent.File && e.Subject == $"file '{file.Path}'");
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(200_000 + 100L * content.Length);
    }
}
