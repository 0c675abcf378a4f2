using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>
/// The tests' tensors are small, and torch's threads wait for each other in a busy loop: with other work on the machine, several
/// threads take ten times as long as one.
/// </summary>
internal static class Threads
{
    [ModuleInitializer]
    public static void UseOne() => set_num_threads(1);
}
