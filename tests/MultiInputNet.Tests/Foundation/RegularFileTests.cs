using System.Net.Sockets;
using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

/// <summary>Every reader of a file, given what is none.</summary>
public sealed class RegularFileTests : IDisposable
{
    private static readonly Dictionary<string, Action<string>> readers = new()
    {
        ["image"] = path => ImageFiles.Read(Inputs.Image(1, 2, 2), path),
        ["schema"] = path => TableSchema.Infer(path, ["y"]),
        ["array"] = path => NumpyFile.Read(path),
        ["labels"] = path => NumpyFile.ReadLabels(path),
        ["samples"] = path => new NumpySource("x", path, new Dictionary<string, Tensor> { ["x"] = zeros(1) }).Dispose(),
        ["idx"] = path => IdxFile.Read(path),
        ["weights"] = path => WeightFile.Open(path).Dispose(),
        ["model"] = path => MultiInputModel.Load(path, CPU).Dispose(),
        ["script"] = path => Bases.TorchScript(path),
    };

    private static readonly string[] kinds = ["pipe", "socket", "device", "folder", "nothing", "circle", "empty"];

    private readonly TemporaryFolder folder = new();

    public static IEnumerable<object[]> Cases => from reader in readers.Keys from kind in kinds select new object[] { reader, kind };

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_link_in_the_current_folder_is_followed_by_its_bare_name()
    {
        var name = $"{Guid.NewGuid():N}";
        using var values = ones(3);
        NumpyFile.Write(name + ".npy", values);
        File.CreateSymbolicLink(name, name + ".npy");
        try
        {
            using var read = NumpyFile.Read(name);
            read.ShouldBeSame(values);
        }
        finally
        {
            File.Delete(name);
            File.Delete(name + ".npy");
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task What_is_no_file_is_refused_and_named(string reader, string kind)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var path = folder["it"];
        var target = kind switch
        {
            "pipe" => folder.MakePipe("pipe"),
            "device" => "/dev/zero",
            "folder" => Directory.CreateDirectory(folder["folder"]).FullName,
            "empty" => folder.Write("empty", ""),
            "circle" => path,
            _ => folder[kind],
        };
        if (kind == "socket")
            socket.Bind(new UnixDomainSocketEndPoint(target));
        File.CreateSymbolicLink(path, target);

        var act = () => Task.Run(() => readers[reader](path)).WaitAsync(TimeSpan.FromSeconds(10));

        (await act.Should().ThrowAsync<MultiInputException>()).WithMessage($"File '{path}', file: *");
    }
}
