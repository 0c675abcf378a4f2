using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A layer that knows the cost of its <c>forward</c>.</summary>
/// <typeparam name="TInput">What it takes.</typeparam>
internal interface IOperations<in TInput>
{
    /// <summary>Its multiply-accumulate operations, without those of the layers inside it that are called.</summary>
    long CountMacs(TInput input, Tensor output);

    /// <summary>The number of values of its result, or of pairs of positions that attention compares, before it runs.</summary>
    long Foresee(TInput input);
}
