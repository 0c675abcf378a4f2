using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A part of a model that can be frozen, or trained at its own rate. Created with <see cref="Parts"/>.</summary>
public sealed class ModelPart
{
    private readonly string text;
    private readonly Func<BuiltModel, IEnumerable<nn.Module>> find;
    private readonly bool isWhole;
    private readonly (IReadOnlyList<string> Names, Func<BuiltModel, IEnumerable<string>> Known, Func<IReadOnlyList<string>, ModelPart> Make)? named;

    /// <summary>Creates a part that is named: inputs, tasks or stages of the base.</summary>
    /// <param name="text">How it is written in code.</param>
    /// <param name="names">The names.</param>
    /// <param name="known">The names that a model knows.</param>
    /// <param name="make">Creates the part of other names.</param>
    /// <param name="find">Finds its modules.</param>
    /// <param name="isWhole">Whether all modules below those belong to it as well.</param>
    internal ModelPart(
        string text,
        IReadOnlyList<string> names,
        Func<BuiltModel, IEnumerable<string>> known,
        Func<IReadOnlyList<string>, ModelPart> make,
        Func<BuiltModel, IEnumerable<nn.Module>> find,
        bool isWhole = true)
        : this(text, find, isWhole) => named = (names, known, make);

    /// <summary>Creates the part.</summary>
    /// <param name="text">How it is written in code.</param>
    /// <param name="find">Finds its modules.</param>
    /// <param name="isWhole">Whether all modules below those belong to it as well.</param>
    internal ModelPart(string text, Func<BuiltModel, IEnumerable<nn.Module>> find, bool isWhole = true) =>
        (this.text, this.find, this.isWhole) = (text, find, isWhole);

    /// <summary>This part, trained at its own rate.</summary>
    /// <param name="rate">The factor of the training's learning rate, from 0.</param>
    /// <returns>The part with its rate.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative or not finite.</exception>
    public PartRate At(double rate) => new(this, rate);

    /// <summary>The part as written in code, such as <c>Projections("digit")</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => text;

    /// <summary>What of the part a model has: without the names that it does not know; null if it knows none of them.</summary>
    internal ModelPart? KnownTo(BuiltModel model)
    {
        if (named is not { Names.Count: > 0 } its)
            return this;
        string[] there = [.. its.Names.Intersect(its.Known(model))];
        return there.Length == 0 ? null : its.Make(there);
    }

    /// <summary>Every module of the part, each before its children.</summary>
    /// <exception cref="MultiInputException">The model has no such part.</exception>
    internal IReadOnlyList<nn.Module> Find(BuiltModel model) =>
        [.. find(model).SelectMany(module => isWhole ? module.modules().Prepend(module) : [module]).Distinct(ReferenceEqualityComparer.Instance).Cast<nn.Module>()];
}
