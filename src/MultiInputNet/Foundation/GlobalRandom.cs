using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Torch's global random generator, from which dropout, users' modules and their augmentations draw. There is one for the whole process:
/// this library draws from it in scopes that one thread at a time holds, and leaves it as it found it.
/// </summary>
internal static class GlobalRandom
{
    private static readonly object Gate = new();

    /// <summary>A scope in which no other thread of this library draws from the generator.</summary>
    public static IDisposable Alone()
    {
        Monitor.Enter(Gate);
        return new AtEnd(() => Monitor.Exit(Gate));
    }

    /// <summary>A scope in which random numbers follow from a seed, if there is one, and otherwise from the generator as it is.</summary>
    public static IDisposable Alone(long? seed, Device device) => seed is { } given ? Seeded(given, device) : Alone();

    /// <summary>
    /// A scope in which random numbers follow from a seed; at its end the generator is restored. CUDA's generator, which can be seeded but
    /// not read, is touched only for a model on CUDA.
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
