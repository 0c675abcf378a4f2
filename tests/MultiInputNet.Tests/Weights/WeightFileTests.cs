using System.Buffers.Binary;
using System.Text;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Weights;

public sealed class WeightFileTests
{
    private static readonly Dictionary<string, string> metadata = new() { ["origin"] = "MultiInputNet", ["größe"] = "\"1\"\n2" };

    [Theory]
    [InlineData("kinds2.pth", WeightFormat.PyTorch)]
    [InlineData("kinds3.pth", WeightFormat.PyTorch)]
    [InlineData("kinds4.pth", WeightFormat.PyTorch)]
    [InlineData("kinds5.pth", WeightFormat.PyTorch)]
    [InlineData("kinds.safetensors", WeightFormat.SafeTensors)]
    [InlineData("kinds.dat", WeightFormat.TorchSharp)]
    [InlineData("written.safetensors", WeightFormat.SafeTensors)]
    [InlineData("kinds.onnx", WeightFormat.Onnx)]
    [InlineData("kinds_numbers.onnx", WeightFormat.Onnx)]
    [InlineData("kinds_beside.onnx", WeightFormat.Onnx)]
    public void Every_type_and_layout_is_read_as_Python_wrote_it(string name, WeightFormat format)
    {
        using var scope = NewDisposeScope();
        using var file = WeightFile.Open(WeightFixtures.File(name));

        file.Format.Should().Be(format);
        var expected = WeightFixtures.Kinds();
        file.Entries.Select(entry => entry.ToString()).Should().BeEquivalentTo(
            expected.Select(pair => $"{pair.Key}: {pair.Value.dtype} ({string.Join(", ", pair.Value.shape)})"));
        WeightFixtures.ShouldEqual(file.ReadAll(), expected);
        WeightFixtures.ShouldEqual(expected.Keys.ToDictionary(key => key, file.Read), expected);
    }

    [Fact]
    public void What_is_written_is_byte_for_byte_the_file_that_Python_checked()
    {
        using var scope = NewDisposeScope();
        using var written = new TemporaryFile();
        var tensors = WeightFixtures.Kinds();
        tensors["transposed"] = tensors["transposed"].t().contiguous().t();
        tensors["parameter"] = tensors["parameter"].requires_grad_();

        WeightFile.Write(written.Path, tensors, metadata);

        File.ReadAllBytes(written.Path).Should().Equal(File.ReadAllBytes(WeightFixtures.File("written.safetensors")));
        using var file = WeightFile.Open(written.Path);
        file.Metadata.Should().Equal(metadata);
    }

    [Fact]
    public void A_file_whose_length_of_its_header_begins_as_a_zip_archive_does_is_read()
    {
        using var scope = NewDisposeScope();
        using var written = new TemporaryFile();
        var header = BinaryPrimitives.ReadUInt16LittleEndian("PK"u8);
        Write(0);
        var rest = Header();
        Write(header - rest);

        Header().Should().Be(header);
        using var file = WeightFile.Open(written.Path);
        file.Format.Should().Be(WeightFormat.SafeTensors);
        file.Read("weight").data<float>().ToArray().Should().Equal(1, 1);

        int Header() => (int)BinaryPrimitives.ReadUInt64LittleEndian(File.ReadAllBytes(written.Path));
        void Write(int length) => WeightFile.Write(
            written.Path, new Dictionary<string, Tensor> { ["weight"] = ones(2) }, new Dictionary<string, string> { ["text"] = new('a', length) });
    }

    [Fact]
    public void A_file_of_TorchSharp_is_read()
    {
        using var scope = NewDisposeScope();
        using var saved = new TemporaryFile();
        using var module = nn.Sequential(("conv", nn.Conv2d(3, 4, kernel_size: 3L)), ("norm", nn.BatchNorm2d(4)), ("embed", nn.Embedding(200, 3)));
        module.save(saved.Path);

        using var file = WeightFile.Open(saved.Path);

        file.Format.Should().Be(WeightFormat.TorchSharp);
        WeightFixtures.ShouldEqual(file.ReadAll(), module.state_dict());
    }

    [Fact]
    public void Tied_tensors_share_memory_as_in_PyTorch()
    {
        using var scope = NewDisposeScope();
        using var file = WeightFile.Open(WeightFixtures.File("kinds2.pth"));
        var tensors = file.ReadAll();

        tensors["tied.first"][1, 2] = tensor(-1f);

        tensors["tied.second"][1, 2].item<float>().Should().Be(-1);
        tensors["tied.row"][2].item<float>().Should().Be(-1);
    }

    [Theory]
    [InlineData("plain.pth", null, null)]
    [InlineData("checkpoint.pth", null, "state_dict")]
    [InlineData("net.pth", null, "net")]
    [InlineData("two.pth", "student", "student")]
    public void A_state_dict_is_found_in_its_checkpoint(string name, string? key, string? found)
    {
        using var scope = NewDisposeScope();
        using var file = WeightFile.Open(WeightFixtures.File(name), key);

        file.Key.Should().Be(found);
        WeightFixtures.ShouldEqual(
            file.ReadAll().ToDictionary(pair => pair.Key.Replace("module.", "", StringComparison.Ordinal), pair => pair.Value),
            WeightFixtures.NetworkWeights());
    }

    [Fact]
    public void Texts_and_numbers_of_a_checkpoint_are_its_metadata()
    {
        using var file = WeightFile.Open(WeightFixtures.File("checkpoint.pth"));

        file.Metadata.Should().BeEquivalentTo(new Dictionary<string, string> { ["epoch"] = "3", ["arch"] = "small", ["lr"] = "0.1", ["done"] = "True" });
    }

    [Theory]
    [InlineData("two.pth", null, "it holds 2 state dicts. Name the one to read as key: 'student', 'teacher'.")]
    [InlineData("two.pth", "pupil", "it has no state dict 'pupil'. Name one of its state dicts: 'student', 'teacher'.")]
    [InlineData("plain.pth", "model", "it has no state dict 'model'. Leave the key out*")]
    [InlineData("kinds.safetensors", "model", "it is a SafeTensors file, which has no keys, and so no 'model'. Leave out the key.")]
    [InlineData("empty.pth", null, "it holds no state dict: no dictionary with tensors in it. Save one*")]
    [InlineData("list.pth", null, "it holds no dictionary of tensors. Save a state dict*")]
    [InlineData("expanded.pth", null, "tensor 'a' of shape (1000) repeats the values of its storage of 1. Save it with .contiguous().")]
    [InlineData("module.pth", null, "its pickle asks for 'torch.nn.modules.container.Sequential', which is not part of a state dict; no code*torch.save(model.state_dict(), path).")]
    [InlineData("script.pt", null, "it is a TorchScript program, which holds code*torch.save(torch.jit.load(path).state_dict(), new_path).")]
    [InlineData("packed.pth", null, "its entry 'plain/data.pkl' is compressed or encrypted*")]
    [InlineData("no such file", null, "There is no such file*")]
    [InlineData(".", null, "It is a folder, not a file.*")]
    public void A_file_that_cannot_be_read_says_why_and_what_to_do(string name, string? key, string message)
    {
        var path = WeightFixtures.File(name);
        var open = () => WeightFile.Open(path, key);

        open.Should().Throw<MultiInputException>().WithMessage($"File '{path}', file: {message}")
            .Where(e => e.Component == ModelComponent.File && e.Subject == $"file '{path}'");
    }

    [Theory]
    [InlineData("")]
    [InlineData("PK")]
    [InlineData("some text that is no file of weights")]
    [InlineData("<!DOCTYPE html><html><body>404</body></html>")]
    public void Other_files_are_refused(string content)
    {
        using var file = new TemporaryFile(Encoding.UTF8.GetBytes(content));
        var open = () => WeightFile.Open(file.Path);

        open.Should().Throw<MultiInputException>().Where(e => e.Component == ModelComponent.File);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "tensor 'a' lies outside the file.*")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "it continues for 1 bytes after its last tensor.*")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "tensor 'a' of shape (3) extends beyond its storage of 2 values.*")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}""", 8, "tensor 'a' of shape (1) needs 4 bytes and has 8.*")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "tensor 'a' has a size, stride or offset below 0.*")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "tensor 'a' lies outside the file.*")]
    [InlineData("""{"a":{"dtype":"F4","shape":[-1],"data_offsets":[0,8]}}""", 8, "tensor 'a' has a size, stride or offset below 0.*")]
    [InlineData("""{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,9]}}""", 8, "tensor 'a' lies outside the file.*")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}""", 0, "*is larger than any memory.*")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[5],"data_offsets":[3,8]}}""", 8, "tensor 'b' begins at byte 3*instead of 4.*")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", 8, "its header is damaged*")]
    [InlineData("""{"a":[]}""", 0, "its header is damaged*")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4]}}""", 4, "its header is damaged*")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "its header is damaged*")]
    [InlineData("""{"\u001b[31m":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "the name '\uFFFD[31m' is longer than*")]
    public void A_safetensors_header_is_not_believed(string header, int values, string message)
    {
        using var file = new TemporaryFile(SafeTensors(header, values));
        var open = () => WeightFile.Open(file.Path);

        open.Should().Throw<MultiInputException>().WithMessage($"File '*', file: {message}");
    }

    [Fact]
    public void Tensors_of_a_safetensors_file_may_be_listed_in_any_order()
    {
        using var scope = NewDisposeScope();
        using var content = new TemporaryFile(SafeTensors(
            """{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}""", 3));
        using var file = WeightFile.Open(content.Path);

        file.Entries.Select(entry => entry.Name).Should().Equal("b", "a");
        file.Read("b").data<byte>().Should().Equal(1, 2);
    }

    [Fact]
    public void Writing_to_a_place_that_is_not_there_is_refused_and_leaves_nothing()
    {
        using var scope = NewDisposeScope();
        var write = () => WeightFile.Write("/no such folder/a.safetensors", WeightFixtures.NetworkWeights());

        write.Should().Throw<MultiInputException>().WithMessage("File '/no such folder/a.safetensors', file: it cannot be written, since there is no folder '/no such folder'. *");
    }

    [Fact]
    public void A_type_that_the_format_lacks_is_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var file = new TemporaryFile();
        var write = () => WeightFile.Write(file.Path, new Dictionary<string, Tensor> { ["a"] = zeros(2, ScalarType.ComplexFloat32) });

        write.Should().Throw<MultiInputException>().WithMessage("*tensor 'a' is of type ComplexFloat32, which cannot be written.*");
        File.Exists(file.Path).Should().BeFalse();
    }

    [Fact]
    public void Reading_takes_the_file_once_in_memory()
    {
        using var scope = NewDisposeScope();
        using var written = new TemporaryFile();
        WeightFile.Write(written.Path, new Dictionary<string, Tensor> { ["a"] = ones(1 << 20), ["b"] = zeros(1 << 18) });
        using var file = WeightFile.Open(written.Path);
        var before = (Managed: GC.GetAllocatedBytesForCurrentThread(), Tensors: DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);

        var tensors = file.ReadAll();

        // The values go from the file into the tensors' own memory; what .NET allocates is names and lists.
        (GC.GetAllocatedBytesForCurrentThread() - before.Managed).Should().BeLessThan(100_000);
        (DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount - before.Tensors).Should().Be(tensors.Count);
    }

    internal static byte[] SafeTensors(string header, int values)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. Enumerable.Range(0, values).Select(value => (byte)value)];
    }
}
