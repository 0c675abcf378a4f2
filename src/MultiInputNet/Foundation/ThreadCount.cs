using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The number of threads with which libtorch computes, which the user sets.</summary>
internal static class ThreadCount
{
    /// <summary>
    /// Has OpenMP use it in the calling thread. libtorch does that when a thread first runs something that asks for it. oneDNN does not ask:
    /// the first convolutions of a thread would run with another number, and might round differently.
    /// </summary>
    public static void Apply() => _ = get_num_threads();
}
