using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A layer of attention that can say with which weights it attends.</summary>
/// <typeparam name="TInput">What its <c>forward</c> takes.</typeparam>
internal interface IAttention<in TInput>
{
    /// <summary>The weights with which <c>forward</c>, in evaluation mode, averages the positions for each of them.</summary>
    /// <param name="input">What <c>forward</c> takes.</param>
    /// <returns><c>(batch, heads, positions, positions)</c>: queries by keys; each row sums to 1.</returns>
    Tensor Attend(TInput input);
}
