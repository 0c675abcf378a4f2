using System.Text;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Weights;

/// <summary>What stands beside and around the weights in the files of other programs. The files are those of <c>Fixtures/weights.py</c>.</summary>
public sealed class CheckpointContentTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData("kinds_legacy.pth")]
    [InlineData("kinds_legacy4.pth")]
    public void The_format_before_version_1_6_is_read_as_Python_wrote_it(string name)
    {
        using var file = WeightFile.Open(WeightFixtures.File(name));

        file.Format.Should().Be(WeightFormat.PyTorch);
        var tensors = file.ReadAll();
        WeightFixtures.ShouldEqual(tensors, WeightFixtures.Kinds());
        tensors["tied.first"][1, 2] = tensor(-1f);
        tensors["tied.row"][2].item<float>().Should().Be(-1);
    }

    [Fact]
    public void A_state_dict_in_the_old_format_is_loaded()
    {
        using var network = WeightFixtures.Network();

        network.LoadWeights(WeightFixtures.File("legacy.pth")).IsComplete.Should().BeTrue();

        WeightFixtures.ShouldEqual(network.state_dict(), WeightFixtures.NetworkWeights());
    }

    [Fact]
    public void A_file_of_the_old_format_that_is_cut_off_anywhere_is_refused()
    {
        var content = File.ReadAllBytes(WeightFixtures.File("legacy.pth"));
        for (var length = 0; length < content.Length; length += 3)
            Refusal(content[..length]);
        Refusal([.. content, 0]).Should().Contain("continues for 1 bytes after its last storage");
    }

    [Fact]
    public void A_tar_archive_of_the_first_format_is_refused_with_its_cure()
    {
        var tar = new byte[1024];
        "storages"u8.CopyTo(tar);
        "ustar"u8.CopyTo(tar.AsSpan(257));

        Refusal(tar).Should().Contain("tar archive").And.Contain("torch.save(torch.load(path");
    }

    [Theory]
    [InlineData("objects2.pth")]
    [InlineData("objects4.pth")]
    [InlineData("objects_legacy.pth")]
    [InlineData("objects_legacy4.pth")]
    public void Objects_beside_a_state_dict_are_left_out(string name)
    {
        using var network = WeightFixtures.Network();

        var report = network.LoadWeights(WeightFixtures.File(name));

        report.Key.Should().Be("state_dict");
        report.ToString().Should().Contain("state dict 'state_dict'");
        WeightFixtures.ShouldEqual(network.state_dict(), WeightFixtures.NetworkWeights());
        using var file = WeightFile.Open(WeightFixtures.File(name));
        file.Metadata.Should().Equal(new Dictionary<string, string> { ["epoch"] = "7" });
    }

    [Theory]
    [InlineData("odd.pth")]
    [InlineData("odd_legacy.pth")]
    public void Tensors_that_cannot_be_read_are_listed_and_refused_by_name_where_they_are_needed(string name)
    {
        using var file = WeightFile.Open(WeightFixtures.File(name));

        file.Entries.Where(entry => !entry.IsReadable).Select(entry => entry.ToString())
            .Should().Equal("quantized: quantized (2, 3)", "sparse: sparse (3, 3)", "csr: sparse (3, 3)");
        var tensors = file.ReadAll();
        tensors.Keys.Should().Equal("plain", "tagged", "noted", "complex64", "complex128");
        tensors["plain"].data<float>().Should().Equal(0, 1, 2, 3);
        tensors["tagged"].data<float>().Should().Equal(0, 1, 2);
        tensors["complex64"].real.data<float>().Should().Equal(1, 0);
        tensors["complex64"].imag.data<float>().Should().Equal(2, -3);
        tensors["complex128"].dtype.Should().Be(ScalarType.ComplexFloat64);
        tensors["complex128"].imag.item<double>().Should().Be(-1);
        file.Invoking(f => f.Read("quantized")).Should().Throw<MultiInputException>().WithMessage("*tensor 'quantized' is quantized, which is not supported.*");

        using var module = Module(("plain", zeros(4)));
        module.LoadWeights(file, new() { Ignore = ["[!p]*", "quantized", "sparse", "csr", "tagged", "noted", "complex*"] }).Loaded.Should().Equal("plain");
        using var other = Module(("plain", zeros(4)), ("quantized", zeros(2, 3)));
        other.Invoking(m => m.LoadWeights(file, new() { Ignore = ["sparse", "csr", "tagged", "noted", "complex*"] }))
            .Should().Throw<MultiInputException>().WithMessage("*1 unreadable in the file: 'quantized'*");
        other.state_dict()["plain"].sum().item<float>().Should().Be(0);
        other.LoadWeights(file, new() { Strict = false }).Unreadable.Should().Equal("quantized");
        other.state_dict()["plain"].sum().item<float>().Should().Be(6);
    }

    [Theory]
    [InlineData("old_norm.pth", true)]
    [InlineData("old_norm1.pth", true)]
    [InlineData("new_norm.pth", false)]
    public void Normalisations_from_before_batches_were_counted_are_loaded_as_PyTorch_loads_them(string name, bool accepted)
    {
        using var network = WeightFixtures.Network();
        var load = () => network.LoadWeights(WeightFixtures.File(name));

        if (!accepted)
        {
            load.Should().Throw<MultiInputException>().WithMessage("*1 missing in the file: 'norm.num_batches_tracked'*");
            return;
        }

        var report = load();
        report.IsComplete.Should().BeTrue();
        report.KeptCounters.Should().Equal("norm.num_batches_tracked");
        report.Missing.Should().BeEmpty();
        network.state_dict()["norm.num_batches_tracked"].item<long>().Should().Be(9);
        network.state_dict()["norm.running_mean"].data<float>().Should().Equal(1, 2);
    }

    [Fact]
    public void A_counter_without_its_normalisation_is_missing()
    {
        using var network = WeightFixtures.Network();
        var load = () => network.LoadWeights(
            WeightFixtures.File("old_norm.pth"), new LoadOptions { Rename = name => name.Replace("running", "rolling", StringComparison.Ordinal) });

        load.Should().Throw<MultiInputException>().WithMessage("*3 missing in the file: 'norm.running_mean', 'norm.running_var', 'norm.num_batches_tracked'*");
    }

    [Theory]
    [InlineData("parts.pth", "encoder", 7, "linear.bias")]
    [InlineData("parts.pth", "decoder", 1, "bias")]
    [InlineData("parts.pth", "", 8, "decoder.bias")]
    [InlineData("ema.pth", null, 7, "linear.bias")]
    [InlineData("ema.pth", "ema", 1, "w")]
    [InlineData("deep.pth", null, 8, "net.linear.bias")]
    [InlineData("deep.pth", "state.net", 7, "linear.bias")]
    [InlineData("deep.pth", "state.other", 1, "w")]
    [InlineData("deep.pth", "", 9, "state.other.w")]
    [InlineData("plain.pth", "", 7, "linear.bias")]
    public void A_key_says_which_of_nested_state_dicts_is_read(string name, string? key, int count, string one)
    {
        using var file = WeightFile.Open(WeightFixtures.File(name), key);

        file.Entries.Should().HaveCount(count);
        file.Entries.Select(entry => entry.Name).Should().Contain(one);
    }

    [Theory]
    [InlineData("parts.pth", null, "it holds 2 state dicts. Name the one to read as key: 'encoder', 'decoder'.")]
    [InlineData("parts.pth", "coder", "it has no state dict 'coder'. Name one of its state dicts: 'encoder', 'decoder', 'optimizer'.")]
    [InlineData("deep.pth", "state.nothing", "it has no state dict 'state.nothing'.*")]
    [InlineData("deep.pth", "best.x", "it has no state dict 'best.x'.*")]
    [InlineData("empty.pth", "", "it holds no state dict*")]
    public void A_key_that_leads_nowhere_is_refused_with_those_that_do(string name, string? key, string message)
    {
        var open = () => WeightFile.Open(WeightFixtures.File(name), key);

        open.Should().Throw<MultiInputException>().WithMessage($"*{message}");
    }

    [Fact]
    public void Of_several_state_dicts_the_one_with_the_modules_names_is_loaded()
    {
        using var network = WeightFixtures.Network();
        using var whole = nn.Sequential(("encoder", WeightFixtures.Network()), ("decoder", Module(("bias", zeros(2)))));
        using var stranger = Module(("nothing", zeros(2)));

        network.LoadWeights(WeightFixtures.File("parts.pth")).Key.Should().Be("encoder");
        WeightFixtures.ShouldEqual(network.state_dict(), WeightFixtures.NetworkWeights());
        var report = whole.LoadWeights(WeightFixtures.File("parts.pth"));
        report.Key.Should().BeEmpty();
        report.Loaded.Should().HaveCount(8);
        whole.state_dict()["decoder.bias"].data<float>().Should().Equal(0, 1);
        stranger.Invoking(m => m.LoadWeights(WeightFixtures.File("parts.pth"))).Should().Throw<MultiInputException>().WithMessage("*it holds 2 state dicts.*");
        network.LoadWeights(WeightFixtures.File("two.pth"), new() { Key = "student" }).Key.Should().Be("student");
        network.Invoking(m => m.LoadWeights(WeightFixtures.File("two.pth"), new() { Key = "student" }, key: "teacher")).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void A_load_of_nothing_is_an_error_that_shows_both_sides_and_the_cure()
    {
        using var network = WeightFixtures.Network();
        using var model = nn.Sequential(("sharedBase", WeightFixtures.Network()));
        using var stranger = Module(("alpha", zeros(2)), ("beta", zeros(2)));
        using var larger = Module(("linear.bias", zeros(7)));
        using var inner = nn.Linear(3, 2);

        Nothing(model).Should().Contain("its names are 'linear.weight', 'linear.bias', 'norm.weight' and 4 more")
            .And.Contain("the module's 'sharedBase.linear.weight', ").And.Contain("Give LoadOptions.AddPrefix 'sharedBase.'.");
        Nothing(inner).Should().Contain("Give LoadOptions.StripPrefix 'linear.'.");
        Nothing(stranger).Should().Contain("the module's 'alpha', 'beta'.").And.Contain("LoadOptions.AddPrefix, StripPrefix or Rename");
        Nothing(larger).Should().Contain("'linear.bias' (2) in the file and (7) in the module");
        network.LoadWeights(WeightFixtures.File("plain.pth"), new() { Strict = false, Ignore = ["*"] }).Loaded.Should().BeEmpty();

        static string Nothing(nn.Module module) => module
            .Invoking(m => m.LoadWeights(WeightFixtures.File("plain.pth"), new() { Strict = false })).Should().Throw<MultiInputException>().Which.Message;
    }

    /// <summary>Values of the formats' definitions: OCP's 8-bit floats (E4M3 without infinity, E5M2, and E8M0 of powers of two).</summary>
    [Theory]
    [InlineData("F8_E4M3", ScalarType.Float16, new byte[] { 0x00, 0x01, 0x07, 0x08, 0x38, 0x40, 0x7E, 0x7F, 0x81, 0xBC, 0xFE, 0xFF },
        new[] { 0, 0.001953125, 0.013671875, 0.015625, 1, 2, 448, double.NaN, -0.001953125, -1.5, -448, double.NaN })]
    [InlineData("F8_E5M2", ScalarType.Float16, new byte[] { 0x00, 0x01, 0x04, 0x3C, 0x3D, 0x7B, 0x7C, 0xC0, 0xFC },
        new[] { 0, 0.0000152587890625, 0.00006103515625, 1, 1.25, 57344, double.PositiveInfinity, -2, double.NegativeInfinity })]
    [InlineData("F8_E8M0", ScalarType.Float32, new byte[] { 0, 126, 127, 128, 254, 255 },
        new[] { 5.877471754111438e-39, 0.5, 1, 2, 1.7014118346046923e38, double.NaN })]
    [InlineData("U16", ScalarType.Int32, new byte[] { 0, 0, 0xFF, 0x7F, 0x00, 0x80, 0xFF, 0xFF }, new double[] { 0, 32767, 32768, 65535 })]
    [InlineData("U32", ScalarType.Int64, new byte[] { 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF }, new double[] { 1, 2147483647, 4294967295 })]
    [InlineData("U64", ScalarType.Int64, new byte[] { 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0 }, new double[] { 9, 4294967296 })]
    [InlineData("C64", ScalarType.ComplexFloat32, new byte[] { 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40 }, new double[] { 1 })]
    public void Types_that_TorchSharp_lacks_become_others_exactly(string type, ScalarType given, byte[] bytes, double[] expected)
    {
        var odd = $$"""{"dtype":"{{type}}","shape":[{{expected.Length}}],"data_offsets":[0,{{bytes.Length}}]}""";
        var plain = $$"""{"dtype":"U8","shape":[2],"data_offsets":[{{bytes.Length}},{{bytes.Length + 2}}]}""";
        var header = $"{{\"odd\":{odd},\"plain\":{plain}}}";
        using var content = new TemporaryFile(SafeTensors(header, [.. bytes, 7, 8]));
        using var file = WeightFile.Open(content.Path);

        var tensors = file.ReadAll();

        tensors["plain"].data<byte>().Should().Equal(7, 8);
        tensors["odd"].dtype.Should().Be(given);
        file.Entries[0].Type.Should().Be(given);
        var values = type == "C64" ? tensors["odd"].real : tensors["odd"];
        values.to(ScalarType.Float64).data<double>().Should().Equal(expected);
    }

    [Fact]
    public void Numbers_that_no_type_holds_are_refused_by_name_and_only_where_they_are_needed()
    {
        using var content = new TemporaryFile(SafeTensors(
            """{"large":{"dtype":"U64","shape":[1],"data_offsets":[0,8]},"four":{"dtype":"F4","shape":[2],"data_offsets":[8,9]},"plain":{"dtype":"U8","shape":[1],"data_offsets":[9,10]}}""",
            [0, 0, 0, 0, 0, 0, 0, 0x80, 0x21, 5]));
        using var file = WeightFile.Open(content.Path);
        using var module = Module(("plain", zeros(1, ScalarType.Byte)));
        using var needy = Module(("four", zeros(2)));

        file.Entries.Select(entry => entry.IsReadable).Should().Equal(true, false, true);
        file.Read("plain").item<byte>().Should().Be(5);
        file.Invoking(f => f.Read("large")).Should().Throw<MultiInputException>().WithMessage("*tensor 'large' of type U64 has values that Int64 cannot hold.*");
        file.Invoking(f => f.Read("four")).Should().Throw<MultiInputException>().WithMessage("*tensor 'four' is of type 'F4', which is not supported.*");
        module.LoadWeights(file, new() { Strict = false }).Loaded.Should().Equal("plain");
        needy.Invoking(m => m.LoadWeights(file, new() { Ignore = ["large", "plain"] })).Should().Throw<MultiInputException>().WithMessage("*unreadable*'four'*");
    }

    private static string Refusal(byte[] content)
    {
        using var file = new TemporaryFile(content);
        var open = () => WeightFile.Open(file.Path);
        return open.Should().Throw<MultiInputException>().Where(e => e.Component == ModelComponent.File).Which.Message;
    }

    private static byte[] SafeTensors(string header, byte[] values) => [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. values];

    private static Buffers Module(params (string Name, Tensor Value)[] buffers) => new(buffers);

    private sealed class Buffers : nn.Module<Tensor, Tensor>
    {
        public Buffers((string Name, Tensor Value)[] buffers)
            : base(nameof(Buffers))
        {
            foreach (var (name, value) in buffers)
                register_buffer(name, value.DetachFromDisposeScope());
        }

        public override Tensor forward(Tensor input) => input;
    }
}
