using Microsoft.ML.OnnxRuntime;
using TorchSharp;

namespace MultiInputNet.Onnx;

/// <summary>How an <see cref="OnnxPredictor"/> is loaded.</summary>
public sealed class OnnxPredictorOptions
{
    /// <summary>Where ONNX Runtime computes: on the CPU or with CUDA, which needs the package Microsoft.ML.OnnxRuntime.Gpu.</summary>
    /// <value>Default: <see langword="null"/>, CUDA if ONNX Runtime has it and the CPU otherwise.</value>
    public DeviceType? Device
    {
        get;
        init => field = value is null or DeviceType.CPU or DeviceType.CUDA
            ? value
            : throw new ArgumentOutOfRangeException(nameof(Device), value, $"{nameof(Device)} is {value}; give CPU or CUDA.");
    }

    /// <summary>The number of threads that compute one call on the CPU, at least 1.</summary>
    /// <value>Default: <see langword="null"/>, as many as there are physical processor cores.</value>
    public int? Threads
    {
        get;
        init => field = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Threads), value, $"{nameof(Threads)} is {value}; give at least 1.");
    }

    /// <summary>The factories of the user's own modules in a model's file, as for <see cref="ModelDescription.FromJson"/>.</summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public IReadOnlyDictionary<string, Delegate>? CustomModules { get; init; }

    /// <summary>Exporters of the user's own modules in a model's file that do not implement <see cref="IOnnxModule"/>, by their type.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyDictionary<Type, OnnxExporter> Exporters { get; init; } = new Dictionary<Type, OnnxExporter>();

    /// <summary>As <see cref="PredictorOptions.LargestPass"/>.</summary>
    /// <value>Default: <see langword="null"/>, as many values as take 1 GB in single precision.</value>
    public long? LargestPass { get; init; }

    /// <summary>Changes ONNX Runtime's options, such as its execution provider, after all others are set.</summary>
    /// <value>Default: <see langword="null"/>, nothing.</value>
    public Action<SessionOptions>? Session { get; init; }
}
