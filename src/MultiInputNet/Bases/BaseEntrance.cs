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

    /// <summary>Until the result is disposed, maps that this thread runs through a base enter it behind its first convolution.</summary>
    public static IDisposable Behind(SharedBase trunk) => new Entering(trunk.FirstConvolution);

    public static bool IsBehind(Conv2d first) => passed == first;

    /// <summary>Runs a first convolution on maps that enter at it.</summary>
    public static Tensor Run(Conv2d first, Tensor input) =>
        IsBehind(first) ? input
        : first.in_channels == 1 && input.requires_grad && Hooks.Count(first) == 0 ? RunOnTwoChannels(first, input)
        : first.call(input);

    // libtorch 2.10 computes the gradient of a map of one channel wrongly on some CPUs; a second one, of zeros, changes nothing else.
    private static Tensor RunOnTwoChannels(Conv2d first, Tensor input)
    {
        using var scope = NewDisposeScope();
        return nn.functional.conv2d(WithZeros(input), WithZeros(first.weight), first.bias, first.stride, first.padding, first.dilation)
            .MoveToOuterDisposeScope();

        static Tensor WithZeros(Tensor x) => nn.functional.pad(x.permute(0, 2, 3, 1), [0, 1]).permute(0, 3, 1, 2);
    }

    private sealed class Entering : IDisposable
    {
        private readonly Conv2d? before = passed;

        public Entering(Conv2d? first) => passed = first;

        public void Dispose() => passed = before;
    }
}
