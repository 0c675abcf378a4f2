using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Where maps enter a base: at its first convolution or, where another has run in the place of that one (an adapted stem's, or one that a
/// projection is folded into), behind it.
/// </summary>
internal static class BaseEntrance
{
    // A forward pass stays on its thread; several threads may run one model.
    [ThreadStatic]
    private static Conv2d? passed;

    /// <summary>
    /// Until the result is disposed, the next map that this thread runs through the base of a first convolution enters behind that one;
    /// with null, every map enters at it.
    /// </summary>
    public static IDisposable Enter(Conv2d? behind)
    {
        var before = passed;
        passed = behind;
        return new AtEnd(() => passed = before);
    }

    public static bool IsBehind(Conv2d first) => passed == first;

    /// <summary>Runs a first convolution on maps that enter at it.</summary>
    public static Tensor Run(Conv2d first, Tensor input)
    {
        if (!IsBehind(first))
            return first.call(input);
        passed = null;
        return input;
    }
}
