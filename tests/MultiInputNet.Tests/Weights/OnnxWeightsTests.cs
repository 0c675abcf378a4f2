using System.Text;
using MultiInputNet.Tests.Data;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Weights;

/// <summary>Initializers of ONNX files. What <see cref="WeightFileTests"/> asks of every format is asked there.</summary>
public sealed class OnnxWeightsTests
{
    private const int Float = 1;
    private const int Byte = 2;
    private const int Int8 = 3;

    [Fact]
    public void Types_that_libtorch_lacks_and_tensors_that_are_not_dense_are_listed()
    {
        using var scope = NewDisposeScope();
        using var file = WeightFile.Open(WeightFixtures.File("odd.onnx"));

        file.Entries.Select(entry => entry.ToString()).Should().Equal(
            "uint16: Int32 (3)", "uint32: Int64 (3)", "uint64: Int64 (3)", "uint64.raw: Int64 (3)", "complex64: ComplexFloat32 (2)", "complex128: ComplexFloat64 (1)",
            "texts: a tensor of texts (2)", "fourbits: of ONNX's type 22 (2)", "sparse: sparse (2, 3)");
        WeightFixtures.ShouldEqual(file.ReadAll(), new Dictionary<string, Tensor>
        {
            ["uint16"] = tensor([0, 1, 65_535]),
            ["uint32"] = tensor([0L, 1L, uint.MaxValue]),
            ["uint64"] = tensor([long.MaxValue, 0, 7]),
            ["uint64.raw"] = tensor([long.MaxValue, 0, 7]),
            ["complex64"] = complex(tensor([1f, 0]), tensor([2f, -3])),
            ["complex128"] = complex(tensor([0.5]), tensor([-1.0])),
        });
        file.Metadata.Should().Equal(new Dictionary<string, string> { ["origin"] = "onnx_weights.py" });
    }

    [Fact]
    public void Values_may_have_a_tag_each_and_lie_in_several_lists()
    {
        using var scope = NewDisposeScope();
        using var file = WeightFile.Open(WeightFixtures.File("unpacked.onnx"));

        WeightFixtures.ShouldEqual(file.ReadAll(), new Dictionary<string, Tensor> { ["unpacked"] = arange(6).reshape(2, 3).to(ScalarType.Float32) });
    }

    [Fact]
    public void They_load_into_a_module_and_into_the_base_of_a_model()
    {
        using var scope = NewDisposeScope();
        using var network = WeightFixtures.Network();
        using var model = MultiInputModel.Define()
            .Input("image", Inputs.Image(3, 4, 4))
            .Base(Bases.From("linear", channels: 3, () => new ByChannel(WeightFixtures.Network())))
            .Task("image", Heads.Classification(2))
            .Build(CPU);

        network.LoadWeights(WeightFixtures.File("plain.onnx")).IsComplete.Should().BeTrue();
        var report = model.LoadWeights(WeightFixtures.File("plain.onnx"), new LoadOptions { AddPrefix = "base_model.module.network." });

        report.Format.Should().Be(WeightFormat.Onnx);
        report.Loaded.Should().HaveCount(7);
        WeightFixtures.ShouldEqual(network.state_dict(), WeightFixtures.NetworkWeights());
        foreach (var (name, value) in WeightFixtures.NetworkWeights())
            model.state_dict()[$"base_model.module.network.{name}"].eq(value).all().ToBoolean().Should().BeTrue(name);
    }

    [Theory]
    [InlineData("Bias")]
    [InlineData("rnn")]
    [InlineData("2x")]
    public void A_file_of_TorchSharp_s_that_begins_like_a_model_is_not_taken_for_one(string first)
    {
        using var scope = NewDisposeScope();
        using var saved = new TemporaryFile();
        using var module = nn.Sequential(Enumerable.Range(0, 4).Select(i => ($"{first}{i}", (nn.Module<Tensor, Tensor>)nn.Linear(2, 3))));
        module.save(saved.Path);
        File.ReadAllBytes(saved.Path)[0].Should().Be(8);

        using var file = WeightFile.Open(saved.Path);

        file.Format.Should().Be(WeightFormat.TorchSharp);
    }

    public static TheoryData<string, byte[]> Damaged => new()
    {
        { "tensor 'a' of shape (3) extends beyond its storage of 2 values.*", Tensor("a", Float, [3], Block(9, new byte[8])) },
        { "tensor 'a' of shape (1) needs 4 bytes and has 8.*", Tensor("a", Float, [1], Block(9, new byte[8])) },
        { "tensor 'a' of shape (1) needs 4 bytes and has 8.*", Tensor("a", Float, [1], Block(4, new byte[8])) },
        { "tensor 'a' of shape (1) extends beyond its storage of 0 values.*", Tensor("a", Float, [1]) },
        { "tensor 'a' has a size, stride or offset below 0.*", Tensor("a", Float, [-1], Block(9, [])) },
        { "tensor 'a' of shape (4611686018427387904, 8) is larger than any memory.*", Tensor("a", Float, [1L << 62, 8], Block(9, [])) },
        { "tensor 'a' of type F32 has its values in a field for another type, or in several.*", Tensor("a", Float, [2], Block(5, [0, 1])) },
        { "tensor 'a' of type F32 has its values in a field for another type, or in several.*", Tensor("a", Float, [1], Block(4, new byte[4]), Block(9, new byte[4])) },
        { "the initializer at byte 6 has no name.*", Tensor("", Float, [1], Block(9, new byte[4])) },
        { "a tensor before byte * has more than 64 dimensions.*", Tensor("a", Float, [.. Enumerable.Repeat(1L, 65)], Block(9, new byte[4])) },
        { "the field of 100 bytes at byte * extends beyond its message.*", Tensor("a", Float, [2], [9 << 3 | 2, 100]) },
        { "there are two tensors 'a'.*", [.. Tensor("a", Byte, [1], Block(9, [1])), .. Tensor("a", Byte, [1], Block(9, [1]))] },
        { "the tensor at byte * has more values instead of 1.*", Tensor("a", Byte, [1], Block(5, [1, 2])) },
        { "the tensor at byte * has 1 values instead of 2.*", Tensor("a", Byte, [2], Block(5, [0x80, 1])) },
        { "tensor 'a' of type U8 has values that Byte cannot hold.*", Tensor("a", Byte, [1], Block(5, [0x80, 2])) },
        { "tensor 'a' of type I8 has values that Int8 cannot hold.*", Tensor("a", Int8, [1], Block(5, [0x80, 1])) },
        { "it is damaged: *", Tensor("a", Byte, [2], Block(5, [1, 0x80])) },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void Sizes_and_values_of_an_initializer_are_not_believed(string message, byte[] tensors)
    {
        using var scope = NewDisposeScope();
        using var content = new TemporaryFile(Model(tensors));
        var read = () =>
        {
            using var file = WeightFile.Open(content.Path);
            file.ReadAll();
        };

        read.Should().Throw<MultiInputException>().WithMessage($"File '*', file: {message}");
    }

    [Fact]
    public void A_file_that_ends_early_says_so()
    {
        using var file = new TemporaryFile(File.ReadAllBytes(WeightFixtures.File("kinds.onnx"))[..400]);
        var open = () => WeightFile.Open(file.Path);

        open.Should().Throw<MultiInputException>().WithMessage("*It is damaged or truncated: copy it again.");
    }

    [Fact]
    public void Values_are_read_when_they_are_asked_for()
    {
        using var scope = NewDisposeScope();
        using var large = new TemporaryFile();
        const long Values = 300_000_000;
        byte[] fields = [.. Number(1, Values), .. Number(2, Byte), .. Text(8, "large"), .. Open(9, Values)];
        var small = Tensor("small", Byte, [2], Block(9, [3, 4]));
        byte[] tensor = [.. Open(5, fields.Length + Values), .. fields];
        using (var file = File.Create(large.Path))
        {
            file.Write([8, 7, .. Open(7, tensor.Length + Values + small.Length), .. tensor]);
            file.SetLength(file.Length + Values); // a hole, where the file system has them
            file.Position = file.Length;
            file.Write(small);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        using var weights = WeightFile.Open(large.Path);

        weights.Entries.Select(entry => entry.ToString()).Should().Equal($"large: Byte ({Values})", "small: Byte (2)");
        weights.Read("small").data<byte>().Should().Equal(3, 4);
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(1_000_000);
    }

    [Theory]
    [InlineData("../secret", "'../secret', which is not a path within the folder of the file.*")]
    [InlineData("data/../../secret", "*which is not a path within the folder of the file.*")]
    [InlineData("..\\secret", "*which is not a path within the folder of the file.*")]
    [InlineData("C:secret", "*which is not a path within the folder of the file.*")]
    [InlineData("/etc/hostname", "*which is not a path within the folder of the file.*")]
    [InlineData("", "*which is not a path within the folder of the file.*")]
    [InlineData("data//file", "*which is not a path within the folder of the file.*")]
    [InlineData("link", "'link', where 'link' is a link.*")]
    [InlineData("linked/secret", "'linked/secret', where 'linked' is a link.*")]
    [InlineData("dangling", "'dangling', where 'dangling' is a link.*")]
    public void Nothing_outside_the_folder_of_a_file_is_read(string location, string message)
    {
        using var folder = new TemporaryFolder();
        using var outside = new TemporaryFolder();
        outside.Write("secret", new byte[8]);
        File.CreateSymbolicLink(folder["link"], outside["secret"]);
        File.CreateSymbolicLink(folder["linked"], outside["."]);
        File.CreateSymbolicLink(folder["dangling"], outside["missing"]);
        Directory.CreateDirectory(folder["data"]);
        folder.Write("data/file", new byte[8]);
        var path = folder.Write("model.onnx", Model(External("a", location, [8])));
        var open = () => WeightFile.Open(path);

        open.Should().Throw<MultiInputException>().WithMessage($"File '{path}', file: the values of tensor 'a' are in {message}");
    }

    [Fact]
    public void Values_in_another_file_are_within_it_and_do_not_overlap()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        folder.Write("values", [1, 2, 3, 4, 5, 6, 7, 8]);

        Read(External("a", "values", [8]))["a"].data<byte>().Should().Equal(1, 2, 3, 4, 5, 6, 7, 8);
        Read(External("a", "values", [3], ("offset", "2"), ("length", "3")))["a"].data<byte>().Should().Equal(3, 4, 5);
        Read(External("a", "values", [0], ("length", "0")), External("b", "./values", [8]));
        var same = Read(External("a", "values", [8]), External("b", "values", [2, 4]));
        same["a"][7] = tensor((byte)9);
        same["b"][1, 3].item<byte>().Should().Be(9, "the same bytes are the same memory");

        Mistake(External("a", "values", [8], ("offset", "1"))).Should().Contain("tensor 'a' of shape (8) extends beyond its storage of 7 values.");
        Mistake(External("a", "values", [8], ("offset", "9"))).Should().Contain("tensor 'a' is at bytes 9 to 9 of '").And.Contain("which has 8.");
        Mistake(External("a", "values", [4], ("offset", "6"), ("length", "4"))).Should().Contain("tensor 'a' is at bytes 6 to 10 of '");
        Mistake(External("a", "values", [8], ("length", $"{long.MaxValue}"), ("offset", "8"))).Should().Contain("which has 8.");
        Mistake(External("a", "values", [8], ("offset", "-1"))).Should().Contain("the offset '-1' in its file, which is not a number of bytes.");
        Mistake(External("a", "missing", [8])).Should().Contain("are in 'missing', which cannot be read: There is no such file");
        Mistake(External("a", "values", [5], ("length", "5")), External("b", "values", [4], ("offset", "4"))).Should().Contain("tensor 'b' overlaps with another one in '");
        Mistake(External("a", "values", [4], ("offset", "4")), External("b", "values", [8])).Should().Contain("tensor 'b' overlaps with another one in '");

        string Mistake(params byte[][] tensors)
        {
            var read = () => Read(tensors);
            return read.Should().Throw<MultiInputException>().Which.Message;
        }

        Dictionary<string, Tensor> Read(params byte[][] tensors)
        {
            using var file = WeightFile.Open(folder.Write("model.onnx", Model([.. tensors.SelectMany(tensor => tensor)])));
            return file.ReadAll();
        }
    }

    /// <summary>A model of IR version 7 whose graph has these initializers.</summary>
    private static byte[] Model(byte[] tensors) => [8, 7, .. Block(7, tensors)];

    private static byte[] Tensor(string name, int type, long[] shape, params byte[][] fields) =>
        Block(5, [.. shape.SelectMany(size => Number(1, size)), .. Number(2, type), .. Block(8, Encoding.UTF8.GetBytes(name)), .. fields.SelectMany(field => field)]);

    private static byte[] External(string name, string location, long[] shape, params (string Key, string Value)[] more) => Tensor(
        name, Byte, shape, [.. more.Prepend(("location", location)).Select(pair => Block(13, [.. Text(1, pair.Item1), .. Text(2, pair.Item2)])), Number(14, 1)]);

    private static byte[] Text(int field, string text) => Block(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Block(int field, byte[] content) => [.. Open(field, content.Length), .. content];

    private static byte[] Open(int field, long length) => [(byte)(field << 3 | 2), .. Leb128(length)];

    private static byte[] Number(int field, long value) => [(byte)(field << 3), .. Leb128(value)];

    private static IEnumerable<byte> Leb128(long value)
    {
        var rest = (ulong)value;
        for (; rest >= 0x80; rest >>= 7)
            yield return (byte)(rest | 0x80);
        yield return (byte)rest;
    }

    private sealed class ByChannel : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Sequential network;

        public ByChannel(TorchSharp.Modules.Sequential network)
            : base(nameof(ByChannel))
        {
            this.network = network;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => network.call(input.flatten(2).mean([2])).unsqueeze(2).unsqueeze(3);
    }
}
