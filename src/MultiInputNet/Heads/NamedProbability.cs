namespace MultiInputNet;

/// <summary>A class or a label and its probability.</summary>
/// <param name="name">Its name, or its number if it has none.</param>
/// <param name="probability">Its probability, from 0 to 1.</param>
public sealed class NamedProbability(string name, double probability)
{
    /// <summary>Its name, or its number from 0 if it has none.</summary>
    public string Name { get; } = name;

    /// <summary>Its probability, from 0 to 1.</summary>
    public double Probability { get; } = probability;

    /// <summary>The two values, for <c>var (name, probability) = …</c>.</summary>
    /// <param name="name">The name.</param>
    /// <param name="probability">The probability.</param>
    public void Deconstruct(out string name, out double probability) => (name, probability) = (Name, Probability);

    /// <inheritdoc/>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Name} {Probability:0.000}");
}
