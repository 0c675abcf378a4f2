using System.Text;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Training;
using TorchSharp;

/// <summary>What the command line says.</summary>
internal sealed record Settings
{
    /// <summary>The word for the weights that were trained on ImageNet.</summary>
    public const string ImageNet = "imagenet";

    public required IReadOnlyList<InputArgument> Inputs { get; init; }

    /// <summary>The column of a CSV file that holds the labels; the last if none is named.</summary>
    public required ByInput<string> Targets { get; init; }

    /// <summary>The kinds of columns of CSV files, one of <see cref="ColumnKinds"/> each.</summary>
    public required IReadOnlyList<(string Name, string Kind)> Columns { get; init; }

    public required ByInput<char> Delimiters { get; init; }

    public required ByInput<char> DecimalSeparators { get; init; }

    public required ByInput<char?> ThousandsSeparators { get; init; }

    public required ByInput<Encoding> Encodings { get; init; }

    public static IReadOnlyList<string> ColumnKinds { get; } = ["number", "category", "class", "regression", "ignore"];

    public required ByInput<int> BatchSizes { get; init; }

    public required ByInput<double> Dropouts { get; init; }

    public required ByInput<Func<torch.Tensor, torch.Tensor>> Augmentations { get; init; }

    /// <summary>The base; null means that of <see cref="Weights"/>.</summary>
    public required BaseSpec? Base { get; init; }

    public required string? Weights { get; init; }

    /// <summary>Whether the base is a published one that was trained before.</summary>
    public bool StartsPretrained => Weights is not null && Base is ImageBaseSpec;

    public required IReadOnlyList<TrainingPhase> Phases { get; init; }

    public required int Epochs { get; init; }

    public required int? StepsPerEpoch { get; init; }

    public required double LearningRate { get; init; }

    public required double WeightDecay { get; init; }

    public required double? Average { get; init; }

    public required SourceSampling Sampling { get; init; }

    public required int Patience { get; init; }

    public required int Seed { get; init; }

    public required string Out { get; init; }

    /// <summary>The folder for the report and the tables of the evaluation on the test samples; null for none.</summary>
    public required string? Report { get; init; }

    /// <summary>The port of a page with the running training, 0 for any that is free; null for no page.</summary>
    public required int? Watch { get; init; }

    public required string? Checkpoints { get; init; }

    public required bool Resume { get; init; }

    public required bool AllowEarlier { get; init; }

    public required int? Threads { get; init; }

    /// <summary>Which options do not fit together, and what to do about it; null if all is well.</summary>
    public string? FindMistake()
    {
        var names = Inputs.Select(argument => argument.Name).ToArray();
        if (names.CountBy(name => name).FirstOrDefault(name => name.Value > 1).Key is { } twice)
            return $"Several inputs are called '{twice}'; give each a different name.";
        if (Targets.Names.Concat(Delimiters.Names).Concat(DecimalSeparators.Names).Concat(ThousandsSeparators.Names).Concat(Encodings.Names).Concat(BatchSizes.Names).Concat(Dropouts.Names).Concat(Augmentations.Names).Except(names).FirstOrDefault() is { } unknown)
            return $"There is no input '{unknown}'; use one of {string.Join(", ", names)}.";
        if (Weights == ImageNet && Base is not ResNetSpec { Depth: 18 })
            return "--weights imagenet is for --base resnet18; give both.";
        if (Resume && Checkpoints is null)
            return "--resume needs the folder of the training to resume; give --checkpoints FOLDER.";
        if (Inputs.FirstOrDefault(argument => argument.Kind != "sample" && argument.Paths.Any(path => CommandLine.IsSameFile(path, Out))) is { } read)
            return $"--out: '{Out}' is a file of input '{read.Name}'; name another.";
        return CommandLine.FindOutputMistake("--out", Out)
            ?? (Report is null ? null : CommandLine.FindFolderMistake("--report", Report))
            ?? (Checkpoints is null ? null : CommandLine.FindFolderMistake("--checkpoints", Checkpoints));
    }
}
