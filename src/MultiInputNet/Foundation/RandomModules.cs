using System.Collections.Frozen;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A module of this library that may draw from torch's random generator in training mode.</summary>
internal interface IRandomModule
{
    /// <summary>Whether it does, as it was made.</summary>
    bool IsRandom { get; }
}

/// <summary>Which modules draw from torch's random generator. What is not known is taken for one that does.</summary>
internal static class RandomModules
{
    // Those of TorchSharp that never draw.
    private static readonly FrozenSet<string> Deterministic = new[]
    {
        "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d",
        "BatchNorm3d", "Conv1d", "Conv2d", "Conv3d", "ELU", "Embedding", "Flatten", "GELU", "GroupNorm", "Hardsigmoid", "Hardswish", "Hardtanh",
        "Identity", "InstanceNorm1d", "InstanceNorm2d", "LayerNorm", "LeakyReLU", "Linear", "MaxPool1d", "MaxPool2d", "Mish", "ModuleDict`1",
        "ModuleList`1", "ParameterDict", "ParameterList", "PReLU", "ReLU", "ReLU6", "Sequential", "Sequential`2", "Sigmoid", "SiLU", "Softmax", "Softplus",
        "Tanh", "Upsample", "ZeroPad2d",
    }.ToFrozenSet();

    /// <summary>Whether a module or one in it may draw in training mode.</summary>
    public static bool DrawInTraining(nn.Module root) =>
        root.modules().Any(module => IsUnknown(module) || IsDropout(module) || module is IRandomModule { IsRandom: true });

    /// <summary>Whether a module or one in it may draw in evaluation mode too.</summary>
    public static bool DrawInEvaluation(nn.Module root) => root.modules().Any(IsUnknown);

    private static bool IsDropout(nn.Module module) =>
        module.GetType().Name.Contains("Dropout", StringComparison.Ordinal);

    private static bool IsUnknown(nn.Module module)
    {
        var type = module.GetType();
        return module is TorchScriptBase || (module is nn.Module<Tensor, Tensor> layer && Hooks.AnyOfUsers(layer)) || (type.Assembly != typeof(RandomModules).Assembly
            && !(type.Assembly == typeof(nn.Module).Assembly && (Deterministic.Contains(type.Name) || IsDropout(module))));
    }
}
