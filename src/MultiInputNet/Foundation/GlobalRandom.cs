using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Torch's global random generator, which dropout, users' modules and their augmentations draw from. It is one for the whole
/// process: this library draws from it in spans that one thread at a time has, and leaves it as it found it.
/// </summary>
internal static class GlobalRandom
{
    private static readonly object Gate = new();

    /// <summary>A span in which no other thread of this library draws from the generator.</summary>
    public static IDisposable Alone()
    {
        Monitor.Enter(Gate);
        return new AtEnd(() => Monitor.Exit(Gate));
    }

    /// <summary>A span in which what is drawn follows from a seed, if there is one, and from the generator as it is otherwise.</summary>
    public static IDisposable Alone(long? seed, Device device) => seed is { } given ? Seeded(given, device) : Alone();

    /// <summary>
    /// A span in which what is drawn follows from a seed; at its end the generator is as it was before. CUDA's generator, which can be
    /// seeded and not read, is touched for a model on CUDA alone.
    /// </summary>
    public static IDisposable Seeded(long seed, Device device)
    {
        var alone = Alone();
        try
        {
            var before = random.get_rng_state().DetachFromDisposeScope();
            using var generator = new Generator((ulong)seed);
            using var state = generator.get_state();

            // random.manual_seed would seed CUDA too.
            random.set_rng_state(state);
            if (device.type == DeviceType.CUDA)
                cuda.manual_seed(seed);
            return new AtEnd(() =>
            {
                random.set_rng_state(before);
                before.Dispose();
                alone.Dispose();
            });
        }
        catch
        {
            alone.Dispose();
            throw;
        }
    }
}
