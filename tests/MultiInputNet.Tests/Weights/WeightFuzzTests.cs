using System.Diagnostics;
using MultiInputNet.Tests.Data;
using MultiInputNet.Weights;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Weights;

public sealed class WeightFuzzTests(ITestOutputHelper output)
{
    private const int Files = 4_000;

    private static readonly byte[] telling = [0, 1, 0x7F, 0x80, 0xFF, (byte)'(', (byte)'.', (byte)'R', (byte)'Q', (byte)'c', (byte)'h', (byte)'q', (byte)'t', (byte)'9', (byte)'}', (byte)'"'];

    /// <summary>
    /// Bytes flipped, replaced, left out, repeated and taken from another file: the reader refuses a file with its one exception
    /// or reads it, at once, and takes no more memory than the file warrants.
    /// </summary>
    [Theory]
    [InlineData("kinds.safetensors", "plain.pth", 1)]
    [InlineData("kinds.dat", "kinds.safetensors", 2)]
    [InlineData("kinds2.pth", "kinds4.pth", 3)]
    [InlineData("kinds4.pth", "kinds2.pth", 4)]
    [InlineData("checkpoint.pth", "module.pth", 5)]
    [InlineData("plain.pth", "kinds.dat", 6)]
    [InlineData("kinds_legacy.pth", "objects_legacy.pth", 7)]
    [InlineData("objects_legacy4.pth", "odd_legacy.pth", 8)]
    [InlineData("objects2.pth", "parts.pth", 9)]
    [InlineData("odd.pth", "deep.pth", 10)]
    [InlineData("kinds.onnx", "kinds_numbers.onnx", 11)]
    [InlineData("kinds_numbers.onnx", "odd.onnx", 12)]
    [InlineData("kinds_beside.onnx", "kinds.onnx", 13)]
    [InlineData("odd.onnx", "unpacked.onnx", 14)]
    [InlineData("unpacked.onnx", "plain.onnx", 15)]
    public void A_damaged_file_is_refused_or_read_and_nothing_else(string name, string other, int seed)
    {
        var (original, donor) = (File.ReadAllBytes(WeightFixtures.File(name)), File.ReadAllBytes(WeightFixtures.File(other)));
        var chance = new Random(seed);
        using var file = new TemporaryFile();
        using var beside = new TemporaryFolder();
        var path = name == "kinds_beside.onnx" ? beside["kinds.onnx"] : file.Path;
        Directory.CreateDirectory(beside["beside"]);
        File.Copy(WeightFixtures.File("beside/kinds.bin"), beside["beside/kinds.bin"]);
        var read = 0;
        var slowest = TimeSpan.Zero;
        var most = 0L;
        for (var i = 0; i < Files; i++)
        {
            var content = Mutate(original, donor, chance);
            File.WriteAllBytes(path, content);
            var (clock, before) = (Stopwatch.StartNew(), GC.GetAllocatedBytesForCurrentThread());
            if (IsRead(path, content.Length + (path == file.Path ? 0 : donor.Length)))
                read++;
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 200_000 + 100L * content.Length);
            most = Math.Max(most, allocated);
            slowest = clock.Elapsed > slowest ? clock.Elapsed : slowest;
        }

        output.WriteLine($"{name}: {read} of {Files} were read, the slowest in {slowest.TotalMilliseconds:0} ms; at most {most:N0} bytes allocated");
        read.Should().BeInRange(1, Files - 1);
        slowest.Should().BeLessThan(TimeSpan.FromSeconds(2));
    }

    private static bool IsRead(string path, long length)
    {
        using var scope = NewDisposeScope();
        try
        {
            using var file = WeightFile.Open(path);
            foreach (var tensor in file.ReadAll().Values)
                Assert.True(tensor.numel() * tensor.element_size() <= Widening(file.Format) * length);
            return true;
        }
        catch (MultiInputException e) when (e.Component == ModelComponent.File && e.Subject == $"file '{path}'")
        {
            return false;
        }
    }

    // An unsigned number becomes one of twice its bytes; ONNX writes a small number of 64 bits in one byte.
    private static int Widening(WeightFormat format) => format == WeightFormat.Onnx ? 8 : 2;

    private static byte[] Mutate(byte[] original, byte[] donor, Random chance)
    {
        var bytes = original.ToList();
        for (var count = chance.Next(1, 4); count > 0; count--)
        {
            var at = chance.Next(bytes.Count);
            var length = Math.Min(chance.Next(1, 17), bytes.Count - at);
            switch (chance.Next(8))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << chance.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)chance.Next(256);
                    break;
                case 2:
                    bytes[at] = telling[chance.Next(telling.Length)];
                    break;
                case 3:
                    for (var i = at; i < at + length; i++)
                        bytes[i] = telling[chance.Next(5)];
                    break;
                case 4:
                    bytes.RemoveRange(at, length);
                    break;
                case 5:
                    bytes.InsertRange(at, bytes.GetRange(chance.Next(bytes.Count - length + 1), length));
                    break;
                case 6:
                    var from = chance.Next(donor.Length - 16);
                    for (var i = 0; i < length; i++)
                        bytes[at + i] = donor[from + i];
                    break;
                default:
                    if (chance.Next(4) == 0)
                        bytes.RemoveRange(at, bytes.Count - at);
                    else
                        bytes[at]++;
                    break;
            }

            if (bytes.Count == 0)
                break;
        }

        return [.. bytes];
    }
}
