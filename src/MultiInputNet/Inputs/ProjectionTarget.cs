using TorchSharp.Modules;

namespace MultiInputNet;

/// <summary>What a projection is built for: the base, as far as projections need to know it.</summary>
/// <param name="Channels">The number of channels that the base takes.</param>
/// <param name="FirstConvolution">Its first convolution, which an adapted stem replaces; null if there is none.</param>
/// <param name="FirstWeightsPerChannel">The number of weights of that convolution per input channel.</param>
/// <param name="Stems">What the stems of the base's inputs share.</param>
internal sealed record ProjectionTarget(int Channels, Conv2d? FirstConvolution, Int128 FirstWeightsPerChannel, StemBank Stems);
