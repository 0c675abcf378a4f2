using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Tensors by their names in a checkpoint.</summary>
internal static class NamedTensors
{
    /// <summary>Those whose names have a prefix, without that prefix.</summary>
    public static Dictionary<string, Tensor> Part(this IReadOnlyDictionary<string, Tensor> tensors, string prefix) => tensors
        .Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(pair => pair.Key[prefix.Length..], pair => pair.Value);

    /// <summary>Adds tensors, with a prefix to their names.</summary>
    public static void AddPart(this Dictionary<string, Tensor> tensors, string prefix, IEnumerable<KeyValuePair<string, Tensor>> part)
    {
        foreach (var (name, tensor) in part)
            tensors[prefix + name] = tensor;
    }
}
