using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A projection that looks up embeddings for numbers of its input, with which nothing can be computed. From the layer on that takes the
/// result, it is differentiable.
/// </summary>
internal interface IEmbedsInput
{
    /// <summary>The layer that takes the embeddings, and numbers beside them; null if the projection embeds nothing.</summary>
    nn.Module<Tensor, Tensor>? AfterEmbedding { get; }

    /// <summary>
    /// For each place in the last dimension of what that layer takes: to which element of a sample it belongs, and whether it is the
    /// element's own number. Otherwise it is a part of an embedding, or says that the number is missing.
    /// </summary>
    IReadOnlyList<(int Element, bool IsNumber)> Places { get; }
}
