using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Who disposes of a tensor.</summary>
internal static class Ownership
{
    /// <summary>
    /// Gives a tensor to a scope, whichever owns it. TorchSharp's <c>MoveToOtherDisposeScope</c> loses a tensor that the scope owns already.
    /// </summary>
    /// <returns>The tensor.</returns>
    public static Tensor GiveTo(this Tensor tensor, DisposeScope scope)
    {
        tensor.DetachFromDisposeScope();
        scope.Attach(tensor);
        return tensor;
    }
}
