using MultiInputNet.Onnx;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>An embedding of tokens, as wide as the base has channels, followed by a <see cref="SequenceProjection"/>.</summary>
/// <remarks>Shapes: <c>(batch, length)</c> of 64-bit integers in, <c>(batch, channels, rows, ⌈s / rows⌉)</c> out, with s = ⌈length / stride⌉.</remarks>
internal sealed class TokenProjection : nn.Module<Tensor, Tensor>, IOnnxModule, IEmbedsInput
{
    private readonly nn.Module<Tensor, Tensor> embedding;
    private readonly nn.Module<Tensor, Tensor> sequence;

    /// <summary>Creates the module with torch's default initialisation.</summary>
    /// <param name="vocabulary">The number of different tokens, at least 1.</param>
    /// <param name="channels">The number of channels that the base takes, at least 1.</param>
    /// <param name="length">The number of tokens per sample, at least 1.</param>
    /// <param name="kernelSize">The number of tokens that each output step sees; odd.</param>
    /// <param name="stride">The stride in tokens, at least 1.</param>
    /// <param name="rows">Rows of the grid; null makes it nearly square.</param>
    /// <param name="normalization">The normalisation after the convolution.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <exception cref="ArgumentException">As for <see cref="SequenceProjection"/>.</exception>
    public TokenProjection(
        int vocabulary,
        int channels,
        int length,
        int kernelSize = 7,
        int stride = 1,
        int? rows = null,
        Normalization normalization = Normalization.None,
        Activation activation = Activation.None)
        : base(nameof(TokenProjection))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabulary, 1);
        sequence = new SequenceProjection(channels, channels, length, kernelSize, stride, rows, normalization, activation);
        embedding = nn.Embedding(vocabulary, channels);
        Places = [.. Enumerable.Range(0, length).Select(token => (token, false))];
        RegisterComponents();
    }

    public nn.Module<Tensor, Tensor>? AfterEmbedding => sequence;

    public IReadOnlyList<(int Element, bool IsNumber)> Places { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return sequence.call(embedding.call(input).transpose(1, 2)).MoveToOuterDisposeScope();
    }

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs) =>
        graph.Run(sequence, graph.Transpose(graph.Run(embedding, inputs), 0, 2, 1));
}
