using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Subtracts a mean and divides by a standard deviation, one of each per channel or feature.</summary>
/// <remarks>Shapes: <c>(batch, channels, ...)</c> in, the same out.</remarks>
public sealed class Standardization : nn.Module<Tensor, Tensor>
{
    private readonly Tensor mean;
    private readonly Tensor standard_deviation;

    /// <summary>Creates the module.</summary>
    /// <param name="mean">One mean per channel or feature.</param>
    /// <param name="standardDeviation">One standard deviation above zero per channel or feature.</param>
    /// <exception cref="ArgumentException">The lists differ in length, or a deviation is not above zero.</exception>
    public Standardization(IReadOnlyList<float> mean, IReadOnlyList<float> standardDeviation)
        : base(nameof(Standardization))
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(standardDeviation);
        if (mean.Count != standardDeviation.Count)
            throw new ArgumentException($"{mean.Count} means and {standardDeviation.Count} deviations: give one of each per channel.", nameof(standardDeviation));
        if (standardDeviation.Any(d => !(d > 0)))
            throw new ArgumentException("A standard deviation is not above zero; give 1 for a channel that never changes.", nameof(standardDeviation));
        this.mean = tensor(mean.ToArray());
        standard_deviation = tensor(standardDeviation.ToArray());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var shape = Enumerable.Repeat(1L, (int)input.dim()).ToArray();
        shape[1] = -1;
        return ((input - mean.view(shape)) / standard_deviation.view(shape)).MoveToOuterDisposeScope();
    }
}
