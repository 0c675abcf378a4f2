namespace MultiInputNet.Onnx;

/// <summary>Bases from ONNX files.</summary>
public static class OnnxBases
{
    extension(Bases)
    {
        /// <summary>
        /// A base made of the operations of an ONNX file, with the file's weights. It is trained, frozen, normalised per input and saved like
        /// any other; a model that has it is loaded without the file.
        /// </summary>
        /// <remarks>
        /// <para>
        /// Taken are the operators of ONNX's versions 7 and later that convolutional and transformer classifiers use, on maps. Every weight of
        /// the file is trained; one that several operators share becomes one for each. Numbers are single precision.
        /// </para>
        /// <para>
        /// The file is not trusted: sizes that it declares are compared with what it holds, and data outside it must be in its folder.
        /// </para>
        /// </remarks>
        /// <param name="path">The file.</param>
        /// <param name="until">
        /// The name of the node or value that the base ends with: a map, <c>(batch, channels, height, width)</c>, or tokens,
        /// <c>(batch, tokens, channels)</c>. Default: the last map, or tokens, that alone leads to the output and is neither pooled over all
        /// positions nor made from what is: what comes before a classifier's global pooling, flattening or choice of a token.
        /// </param>
        /// <param name="channels">The number of channels that the base takes. Default: that of the file's input.</param>
        /// <param name="largestPass">
        /// As for <see cref="MultiInputModel.Load"/>, when a model is built: a small file can declare maps of any size. Default: as many
        /// values as take 1 GB.
        /// </param>
        /// <returns>The description.</returns>
        /// <exception cref="MultiInputException">
        /// The file cannot be read, has an operation that is not known (the message names it and its node), or has no such node.
        /// </exception>
        public static BaseSpec Onnx(string path, string? until = null, int? channels = null, long largestPass = Limits.LargestPass)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(path);
            return new GraphReader(new OnnxFile(path)).Read(until, channels, largestPass);
        }
    }
}
