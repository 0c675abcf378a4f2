using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>One input of a run and its batch.</summary>
internal sealed record RunInput(InputPath Path, Tensor Batch)
{
    /// <summary>Whether what it gives enters its base after the first convolution: something of its own stands for that one.</summary>
    public bool EntersAfterFirst => Path.Projection is Stem || Path.Folded is not null;
}
