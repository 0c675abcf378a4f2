using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A layer that says what a pass through it costs, beside its <c>forward</c>.</summary>
/// <typeparam name="TInput">What it takes.</typeparam>
internal interface IOperations<in TInput>
{
    /// <summary>Its multiply-accumulate operations, without those of the layers in it that are called.</summary>
    long CountMacs(TInput input, Tensor output);

    /// <summary>The values of its result, or the pairs of positions that attention compares, before it runs.</summary>
    long Foresee(TInput input);
}
