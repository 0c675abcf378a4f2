using TorchSharp.Modules;

namespace MultiInputNet;

/// <summary>What a projection is made for: a base, as far as projections know one.</summary>
/// <param name="Channels">Channels of the maps that the base takes.</param>
/// <param name="FirstConvolution">Its first convolution, which an adapted stem stands for; null where there is none.</param>
/// <param name="FirstWeightsPerChannel">Weights of that convolution for each channel that comes in.</param>
/// <param name="Stems">What the stems of the base's inputs share.</param>
internal sealed record ProjectionTarget(int Channels, Conv2d? FirstConvolution, Int128 FirstWeightsPerChannel, StemBank Stems);
