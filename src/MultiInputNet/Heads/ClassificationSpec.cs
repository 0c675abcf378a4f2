using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="ClassificationHead"/>.</summary>
/// <param name="Classes">The number of classes.</param>
public sealed record ClassificationSpec(int Classes) : HeadSpec
{
    /// <summary>The names of the classes, from class 0.</summary>
    /// <value>Default: <see langword="null"/>, they only have numbers.</value>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>The fraction of the target that is spread over all classes in training mode, from 0 to below 1.</summary>
    /// <value>Default: 0.</value>
    public double LabelSmoothing { get; init; }

    /// <summary>
    /// The weight of each class's samples in training mode, finite numbers from 0, one per class. See
    /// <see cref="MultiInputNet.ClassWeights"/> for weights that compensate for classes of different sizes.
    /// </summary>
    /// <value>Default: <see langword="null"/>, all count equally.</value>
    public IReadOnlyList<double>? ClassWeights { get; init; }

    /// <summary>A hidden layer and dropout.</summary>
    /// <value>Default: neither.</value>
    public HeadOptions Options { get; init; } = new();

    internal override string Title => $"classification, {Classes} classes";

    internal override int? ClassCount => Classes;

    internal override IReadOnlyList<string>? NamesOfClasses => ClassNames;

    internal override IReadOnlyList<string>? OutputLabels => ClassNames;

    internal override HeadSpec WithClasses(IReadOnlyList<string> names) => this with { Classes = names.Count, ClassNames = [.. names] };

    internal override nn.Module<Tensor, Tensor> Create(int features) =>
        new ClassificationHead(features, Classes, LabelSmoothing, Options, ClassWeights);

    internal override Int128 CountWeights(int features) => Options.CountWeights(features, Classes);

    internal override (string Problem, string Cure)? FindMistake() =>
        CountMistake(Classes, "classes") is { } mistake ? mistake
        : NamesMistake(ClassNames, Classes, "class", "classes") is { } nameMistake ? nameMistake
        : LabelSmoothing is not (>= 0 and < 1) ? ($"its label smoothing is {LabelSmoothing}.", "Give a share from 0 to below 1.")
        : MultiInputNet.ClassWeights.FindMistake(ClassWeights, Classes) is { } weightMistake ? weightMistake
        : Options.FindMistake();
}
