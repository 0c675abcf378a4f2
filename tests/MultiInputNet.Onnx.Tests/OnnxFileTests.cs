using System.Globalization;
using Google.Protobuf;
using MultiInputNet.Onnx.Schema;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

/// <summary>ONNX files are not trusted.</summary>
public sealed class OnnxFileTests(ITestOutputHelper output) : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>
    /// Changed bytes, and changed numbers, names and references: the file is refused with the library's exception, or read into a base that
    /// is built or refused. <c>MULTIINPUTNET_ONNX_DAMAGED</c> says how many copies, 400 if it is not set.
    /// </summary>
    [Theory]
    [InlineData("opset8")]
    [InlineData("same_padding")]
    [InlineData("windows")]
    public void A_damaged_file_is_refused_or_read_and_nothing_else(string name)
    {
        var copies = Environment.GetEnvironmentVariable("MULTIINPUTNET_ONNX_DAMAGED") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : 400;
        var whole = File.ReadAllBytes(OnnxModels.PathOf(name));
        var path = Path.Combine(folder, "damaged.onnx");
        var chance = new Random(1);
        var (built, refused) = (0, 0);
        for (var copy = 0; copy < copies; copy++)
        {
            File.WriteAllBytes(path, copy % 2 == 0 ? Damage(whole, chance) : Change(ModelProto.Parser.ParseFrom(whole), chance).ToByteArray());
            using var scope = NewDisposeScope();
            try
            {
                var allocated = GC.GetAllocatedBytesForCurrentThread();
                var spec = Bases.Onnx(path);
                (GC.GetAllocatedBytesForCurrentThread() - allocated).Should().BeLessThan(64L << 20);
                using var model = OnnxModels.Build(spec, 32);
                built++;
            }
            catch (MultiInputException)
            {
                refused++;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Copy {copy} of '{name}' gave {e.GetType().Name}: {e.Message}", e);
            }
        }

        output.WriteLine($"{built} built, {refused} refused");
        built.Should().BePositive();
        refused.Should().BeGreaterThan(copies / 10);
    }

    [Theory]
    [InlineData("../weights.bin", "*is in '../weights.bin', which is not beside it*")]
    [InlineData("/etc/passwd", "*which is not beside it*")]
    [InlineData("below/../../weights.bin", "*which is not beside it*")]
    [InlineData("..\\weights.bin", "*which is not beside it*")]
    [InlineData("", "*which is not beside it*")]
    [InlineData("link.bin", "*is in 'link.bin', which is a link*")]
    [InlineData("linked/weights.bin", "*is in 'linked/weights.bin', which is a link*")]
    [InlineData("missing.bin", "*cannot be read from 'missing.bin'*")]
    [InlineData("short.bin", "*ends after the 3 bytes of 'short.bin'*")]
    public void Data_outside_the_folder_of_a_file_is_not_read(string location, string message)
    {
        var inner = Directory.CreateDirectory(Path.Combine(folder, "model")).FullName;
        File.WriteAllBytes(Path.Combine(folder, "weights.bin"), new byte[1 << 16]);
        File.CreateSymbolicLink(Path.Combine(inner, "link.bin"), Path.Combine(folder, "weights.bin"));
        Directory.CreateSymbolicLink(Path.Combine(inner, "linked"), folder);
        File.WriteAllBytes(Path.Combine(inner, "short.bin"), [1, 2, 3]);
        var path = Path.Combine(inner, "model.onnx");
        File.WriteAllBytes(path, WithExternalData(location, out _).ToByteArray());

        FluentActions.Invoking(() => Bases.Onnx(path)).Should().Throw<MultiInputException>().WithMessage(message);
    }

    [Fact]
    public void Data_beside_a_file_is_read()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var path = Path.Combine(folder, "model.onnx");
        File.WriteAllBytes(path, WithExternalData("weights/data.bin", out var data).ToByteArray());
        Directory.CreateDirectory(Path.Combine(folder, "weights"));
        File.WriteAllBytes(Path.Combine(folder, "weights", "data.bin"), [.. new byte[16], .. data]);
        using var model = OnnxModels.Build(Bases.Onnx(path), 32);
        using var whole = OnnxModels.Build(Bases.Onnx(OnnxModels.PathOf("opset8")), 32);
        model.eval();
        whole.eval();
        var x = ones(1, 3, 32, 34);

        OnnxModels.Difference(OnnxModels.BaseOf(model).call(x), OnnxModels.BaseOf(whole).call(x)).Should().Be(0);
    }

    [Fact]
    public void Data_beside_a_file_ends_with_it_where_no_length_is_given_in_any_culture()
    {
        var model = WithExternalData("data.bin", out var data);
        model.Graph.Initializer[0].ExternalData.RemoveAt(2);
        var path = Path.Combine(folder, "model.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        File.WriteAllBytes(Path.Combine(folder, "data.bin"), [.. new byte[16], .. data]);
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new("") { NumberFormat = { NegativeSign = "~" } };
            FluentActions.Invoking(() => Bases.Onnx(path)).Should().NotThrow();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void A_shape_that_its_data_does_not_fill_is_refused()
    {
        Refuse(model => model.Graph.Initializer[0].Dims[0] = 1L << 40, "*'w1' has a shape of (1099511627776, *");
        Refuse(model => model.Graph.Initializer[0].Dims[0] = 9, "*'w1' of type Float does not hold the 1,323 numbers of its shape*");
        Refuse(model => model.Graph.Initializer[0].DataType = (int)TensorProto.Types.DataType.String, "*'w1' of type String does not hold*");
    }

    [Fact]
    public void An_operation_that_is_not_known_is_named_with_its_node()
    {
        Refuse(model => model.Graph.Node[4].OpType = "RoiAlign", "*its node 'pad' is the operation 'RoiAlign', which a base cannot have.*until*");
        Refuse(model => model.Graph.Node[4].Domain = "com.example", "*its node 'pad' is the operation 'Pad' of 'com.example'*");
        Refuse(model => model.Graph.Node[0].Input[1] = "nothing", "*its node 'conv1' (Conv) has no weight in the file as its input 1*");
        Refuse(model => model.OpsetImport[0].Version = 6, "*version 6 of ONNX's operators*");
    }

    [Fact]
    public void A_small_file_that_asks_for_much_memory_is_refused_when_a_model_is_built()
    {
        var model = OnnxModels.Read(OnnxModels.PathOf("opset8"));
        var pads = model.Graph.Node[4].Attribute.Single(attribute => attribute.Name == "pads").Ints;
        (pads[2], pads[6]) = (4000, 4000);
        (pads[3], pads[7]) = (4000, 4000);
        var path = Path.Combine(folder, "large.onnx");
        File.WriteAllBytes(path, model.ToByteArray());

        FluentActions.Invoking(() => OnnxModels.Build(Bases.Onnx(path), 32)).Should().Throw<MultiInputException>().WithMessage("*at most 268,435,456*largestPass*");
    }

    private void Refuse(Action<ModelProto> change, string message)
    {
        var model = OnnxModels.Read(OnnxModels.PathOf("opset8"));
        change(model);
        var path = Path.Combine(folder, "changed.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        FluentActions.Invoking(() => Bases.Onnx(path)).Should().Throw<MultiInputException>().WithMessage(message);
    }

    private static ModelProto WithExternalData(string location, out byte[] data)
    {
        var model = OnnxModels.Read(OnnxModels.PathOf("opset8"));
        var tensor = model.Graph.Initializer[0];
        data = tensor.RawData.ToByteArray();
        tensor.ClearRawData();
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = "16" });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = data.Length.ToString(CultureInfo.InvariantCulture) });
        return model;
    }

    private static byte[] Damage(byte[] whole, Random chance)
    {
        var bytes = whole.ToList();
        for (var i = chance.Next(1, 4); i > 0 && bytes.Count > 0; i--)
        {
            var at = chance.Next(bytes.Count);
            switch (chance.Next(5))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << chance.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)(chance.Next(2) == 0 ? 255 : 0);
                    break;
                case 2:
                    bytes.RemoveRange(at, chance.Next(8) == 0 ? bytes.Count - at : Math.Min(bytes.Count - at, chance.Next(1, 9)));
                    break;
                case 3:
                    bytes.InsertRange(at, Enumerable.Repeat((byte)chance.Next(256), chance.Next(1, 9)));
                    break;
                default:
                    bytes[Math.Min(at, chance.Next(400)) % bytes.Count] = (byte)chance.Next(256);
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>Changes what a graph says, so that the file stays one.</summary>
    private static ModelProto Change(ModelProto model, Random chance)
    {
        long[] numbers = [0, -1, 1, 2, 3, 7, 65_537, 1L << 31, 1L << 40, long.MaxValue, long.MinValue];
        var graph = model.Graph;
        string[] names = [.. graph.Node.SelectMany(node => node.Output), .. graph.Initializer.Select(tensor => tensor.Name), graph.Input[0].Name, ""];
        string[] operations = [.. graph.Node.Select(node => node.OpType), "Expand", "Tile", "Range", "ConstantOfShape", "Gather", "Loop"];
        for (var i = chance.Next(1, 3); i > 0; i--)
        {
            var node = graph.Node[chance.Next(graph.Node.Count)];
            var tensor = graph.Initializer.Count == 0 ? null : graph.Initializer[chance.Next(graph.Initializer.Count)];
            var attribute = node.Attribute.Count == 0 ? null : node.Attribute[chance.Next(node.Attribute.Count)];
            switch (chance.Next(8))
            {
                case 0 when node.Input.Count > 0:
                    node.Input[chance.Next(node.Input.Count)] = names[chance.Next(names.Length)];
                    break;
                case 1:
                    node.OpType = operations[chance.Next(operations.Length)];
                    break;
                case 2 when attribute is { Ints.Count: > 0 }:
                    attribute.Ints[chance.Next(attribute.Ints.Count)] = numbers[chance.Next(numbers.Length)];
                    break;
                case 3 when attribute is not null:
                    (attribute.I, attribute.F) = (numbers[chance.Next(numbers.Length)], chance.Next(4) == 0 ? float.NaN : chance.NextSingle() * 1e30f);
                    break;
                case 4 when tensor is { Dims.Count: > 0 }:
                    tensor.Dims[chance.Next(tensor.Dims.Count)] = numbers[chance.Next(numbers.Length)];
                    break;
                case 5 when tensor is not null:
                    tensor.DataType = chance.Next(-1, 18);
                    break;
                case 6:
                    graph.Node.RemoveAt(chance.Next(graph.Node.Count));
                    break;
                default:
                    model.OpsetImport[0].Version = chance.Next(5, 22);
                    break;
            }

            if (graph.Node.Count == 0)
                break;
        }

        return model;
    }
}
