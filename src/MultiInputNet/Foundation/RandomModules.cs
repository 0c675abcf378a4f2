using System.Collections.Frozen;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A module of this library that may draw from torch's random generator.</summary>
internal interface IRandomModule
{
    /// <summary>Whether it does in training mode, as configured.</summary>
    bool IsRandom { get; }

    /// <summary>Whether it may in evaluation mode too.</summary>
    bool IsRandomInEvaluation => false;
}

/// <summary>Which modules draw from torch's random generator. Unknown modules are assumed to.</summary>
internal static class RandomModules
{
    // TorchSharp's modules that never draw.
    private static readonly FrozenSet<Type> deterministic = new[]
    {
        typeof(AdaptiveAvgPool1d), typeof(AdaptiveAvgPool2d), typeof(AdaptiveMaxPool1d), typeof(AdaptiveMaxPool2d), typeof(AvgPool1d), typeof(AvgPool2d),
        typeof(BatchNorm1d), typeof(BatchNorm2d), typeof(BatchNorm3d), typeof(Conv1d), typeof(Conv2d), typeof(Conv3d), typeof(ELU), typeof(Embedding),
        typeof(Flatten), typeof(GELU), typeof(GroupNorm), typeof(Hardsigmoid), typeof(Hardswish), typeof(Hardtanh), typeof(Identity), typeof(InstanceNorm1d),
        typeof(InstanceNorm2d), typeof(LayerNorm), typeof(LeakyReLU), typeof(Linear), typeof(MaxPool1d), typeof(MaxPool2d), typeof(Mish), typeof(ModuleDict<>),
        typeof(ModuleList<>), typeof(ParameterDict), typeof(ParameterList), typeof(PReLU), typeof(ReLU), typeof(ReLU6), typeof(Sequential), typeof(Sequential<,>),
        typeof(Sigmoid), typeof(SiLU), typeof(Softmax), typeof(Softplus), typeof(Tanh), typeof(Upsample), typeof(ZeroPad2d),
    }.ToFrozenSet();

    // And those that draw only in training mode.
    private static readonly FrozenSet<Type> dropouts = new[]
    {
        typeof(Dropout), typeof(Dropout1d), typeof(Dropout2d), typeof(Dropout3d), typeof(AlphaDropout), typeof(FeatureAlphaDropout),
    }.ToFrozenSet();

    /// <summary>Whether a module, or one inside it, may draw in training mode.</summary>
    public static bool DrawInTraining(nn.Module root) => root.modules().Prepend(root)
        .Any(module => IsUnknown(module) || dropouts.Contains(Kind(module)) || module is IRandomModule { IsRandom: true });

    /// <summary>Whether a module, or one inside it, may draw in evaluation mode too.</summary>
    public static bool DrawInEvaluation(nn.Module root) => root.modules().Prepend(root).Any(IsUnknown);

    private static bool IsUnknown(nn.Module module) =>
        module is IRandomModule { IsRandomInEvaluation: true }
        || (module is nn.Module<Tensor, Tensor> layer && Hooks.AnyOfUsers(layer))
        || (module.GetType().Assembly != typeof(RandomModules).Assembly && !deterministic.Contains(Kind(module)) && !dropouts.Contains(Kind(module)));

    private static Type Kind(nn.Module module) => module.GetType() is { IsGenericType: true } type ? type.GetGenericTypeDefinition() : module.GetType();
}
