using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A part of a model that can be frozen, or trained at a rate of its own. Made with <see cref="Parts"/>.</summary>
public sealed class ModelPart
{
    private readonly string text;
    private readonly Func<MultiInputModel, IEnumerable<nn.Module>> find;

    internal ModelPart(string text, Func<MultiInputModel, IEnumerable<nn.Module>> find) => (this.text, this.find) = (text, find);

    /// <summary>This part, trained at a rate of its own.</summary>
    /// <param name="rate">Times the learning rate of the training, from 0.</param>
    /// <returns>The part with its rate.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative or not finite.</exception>
    public PartRate At(double rate) => new(this, rate);

    /// <summary>The part as code writes it, such as <c>Projections("digit")</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => text;

    /// <summary>Every module of the part, each before its children.</summary>
    /// <exception cref="MultiInputException">The model has no such part.</exception>
    internal IReadOnlyList<nn.Module> Find(MultiInputModel model) =>
        [.. find(model).SelectMany(module => module.modules().Prepend(module)).Distinct(ReferenceEqualityComparer.Instance).Cast<nn.Module>()];
}
