using MultiInputNet;
using MultiInputNet.Onnx;

/// <summary>What computes the answers of a saved model.</summary>
internal static class Engine
{
    private const string LibTorch = "libtorch";
    private const string Onnx = "onnx";

    /// <summary>The option that chooses it.</summary>
    public static Choice<string?> Option() => new(
        "--engine",
        "What computes the answers: libtorch or onnx (ONNX Runtime). Default: libtorch, and onnx for a file that ends in .onnx.",
        text => text is LibTorch or Onnx ? text : throw new FormatException($"'{text}' is not an engine; give {LibTorch} or {Onnx}."));

    /// <summary>Loads a model, or a file exported from one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="engine">The engine's name; null for that of the kind of file.</param>
    /// <param name="threads">Threads of ONNX Runtime; null for as many as there are cores.</param>
    public static IPredictor Load(string path, string? engine, int? threads = null)
    {
        var isExported = path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);
        if (isExported && engine == LibTorch)
            throw new MultiInputException($"file '{path}'", ModelComponent.File, "it was exported to ONNX, which libtorch does not run.", $"Leave out --engine, or give {Onnx}.");
        return isExported || engine == Onnx ? OnnxPredictor.Load(path, new() { Threads = threads }) : Predictor.Load(path);
    }
}
