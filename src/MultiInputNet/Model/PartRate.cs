namespace MultiInputNet;

/// <summary>A part of a model and the rate at which it is trained.</summary>
public sealed class PartRate
{
    /// <summary>Creates the pair.</summary>
    /// <param name="part">The part.</param>
    /// <param name="rate">The factor of the training's learning rate, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative or not finite.</exception>
    public PartRate(ModelPart part, double rate = 1)
    {
        ArgumentNullException.ThrowIfNull(part);
        if (!(rate >= 0 && double.IsFinite(rate)))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, $"The rate of {part} is {rate}; give a finite number from 0.");
        Part = part;
        Rate = rate;
    }

    /// <summary>The part.</summary>
    public ModelPart Part { get; }

    /// <summary>The factor of the training's learning rate.</summary>
    public double Rate { get; }

    /// <summary>A part at the learning rate of the training.</summary>
    /// <param name="part">The part.</param>
    public static implicit operator PartRate(ModelPart part) => FromModelPart(part);

    /// <summary>A part at the learning rate of the training.</summary>
    /// <param name="part">The part.</param>
    /// <returns>The part with rate 1.</returns>
    public static PartRate FromModelPart(ModelPart part) => new(part);

    /// <summary>The pair as written in code, such as <c>Base.At(0.1)</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Rate == 1 ? $"{Part}" : FormattableString.Invariant($"{Part}.At({Rate})");
}
