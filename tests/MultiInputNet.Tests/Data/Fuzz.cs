using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

/// <summary>Reads damaged copies of a file.</summary>
internal static class Fuzz
{
    /// <summary>
    /// Fails unless each copy is refused with a <see cref="MultiInputException"/>, or read into no more than its bytes warrant:
    /// 1,032 times as many unpacked, and twice that in wider types. One in so many copies must be refused,
    /// and no copy may make .NET allocate more than that and an allowance for buffers.
    /// </summary>
    public static void Run(string path, TemporaryFolder folder, int copies, Func<string, IEnumerable<Tensor>> read, int sharesToBeRefused = 10, long allowance = 4 << 20)
    {
        var whole = File.ReadAllBytes(path);
        var random = new Random(1);
        var refused = 0;
        for (var copy = 0; copy < copies; copy++)
        {
            var damaged = Damage(whole, random);
            var damagedPath = folder.Write("damaged", damaged);
            using var scope = NewDisposeScope();
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(damagedPath).Sum(tensor => tensor.numel() * tensor.element_size()).Should().BeLessThanOrEqualTo(2L * 1032 * damaged.Length);
            }
            catch (MultiInputException)
            {
                refused++;
            }

            (GC.GetAllocatedBytesForCurrentThread() - allocated).Should().BeLessThan(8L * 1032 * damaged.Length + allowance);
        }

        refused.Should().BeGreaterThan(copies / sharesToBeRefused);
    }

    private static byte[] Damage(byte[] whole, Random random)
    {
        var bytes = whole.ToList();
        for (var i = random.Next(1, 4); i > 0 && bytes.Count > 0; i--)
        {
            // Headers are at the beginning, and zip's directory at the end.
            var at = random.Next(3) switch
            {
                0 => random.Next(bytes.Count),
                1 => random.Next(Math.Min(bytes.Count, 100)),
                _ => bytes.Count - 1 - random.Next(Math.Min(bytes.Count, 200)),
            };
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes[at] = random.Next(2) == 0 ? (byte)0xFF : (byte)0;
                    break;
                case 3:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 4:
                    bytes.InsertRange(at, Enumerable.Repeat(random.Next(2) == 0 ? (byte)'9' : (byte)0xFF, random.Next(1, 9)));
                    break;
                default:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 9), bytes.Count - at));
                    break;
            }
        }

        return [.. bytes];
    }
}
