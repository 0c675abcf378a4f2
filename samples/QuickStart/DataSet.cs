using System.Globalization;
using System.IO.Compression;
using MultiInputNet;
using MultiInputNet.Data;
using static TorchSharp.torch;

/// <summary>One of the embedded data sets: its input in a model, and what is known about it.</summary>
/// <param name="Name">Its name, and that of its input and task.</param>
/// <param name="Input">What a row is.</param>
/// <param name="Projection">The input's projection to the base.</param>
/// <param name="ClassNames">The names of the classes.</param>
/// <param name="TrainingRows">The first rows are for training, all others for testing.</param>
/// <param name="Svm">The test accuracy in percent of a support vector machine trained on the same rows; <c>Data/baselines.py</c> measures it.</param>
/// <param name="Published">A published test accuracy in percent, if there is one; <c>Data/README.md</c> names the source.</param>
internal sealed record DataSet(
    string Name, InputSpec Input, ProjectionSpec Projection, string[] ClassNames, int TrainingRows, double Svm, double? Published)
{
    /// <summary>Samples in a training step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Dropout before the head.</summary>
    public double Dropout { get; init; } = 0.3;

    /// <summary>Turns raw rows, <c>(rows, columns)</c>, into samples of the input's shape.</summary>
    public required Func<Tensor, Tensor> Arrange { get; init; }

    /// <summary>Changes a batch of training samples at random.</summary>
    public Func<Tensor, Tensor>? Augment { get; init; }

    public static IReadOnlyList<DataSet> All { get; } =
    [
        new(
            "digits",
            Inputs.Image(channels: 1, height: 8, width: 8),
            Projections.Convolution(Normalization.Group, Activation.ReLU),
            [.. Enumerable.Range(0, 10).Select(digit => $"{digit}")],
            TrainingRows: 1297,
            Svm: 94.60,
            Published: null)
        {
            BatchSize = 32,
            Arrange = rows => rows.view(-1, 1, 8, 8),
            Augment = Augmentations.Shift(pixels: 1, probability: 0.6),
        },
        new(
            "landsat",
            Inputs.Image(channels: 4, height: 3, width: 3),
            Projections.Convolution(Normalization.Group, Activation.ReLU),
            ["red soil", "cotton crop", "grey soil", "damp grey soil", "vegetation stubble", "very damp grey soil"],
            TrainingRows: 4435,
            Svm: 91.55,
            Published: 91.9)
        {
            BatchSize = 128,
            Arrange = rows => rows.view(-1, 9, 4).transpose(1, 2).reshape(-1, 4, 3, 3),
            Augment = Augmentations.TurnAndMirror(),
        },
        new(
            "dna",
            Inputs.Sequence(features: 3, length: 60),
            Projections.Sequence(kernelSize: 11, stride: 2, rows: 1, Normalization.Group, Activation.ReLU),
            ["exon to intron", "intron to exon", "neither"],
            TrainingRows: 2000,
            Svm: 95.19,
            Published: 95.9)
        {
            BatchSize = 32,
            Dropout = 0.5,
            Arrange = rows => rows.view(-1, 60, 3).transpose(1, 2).contiguous(),
            Augment = Augmentations.DropValues(probability: 0.1),
        },
        new(
            "letter",
            Inputs.Tabular(features: 16),
            Projections.Tabular(height: 4, width: 4, Normalization.Group, Activation.ReLU),
            [.. Enumerable.Range('A', 26).Select(letter => $"{(char)letter}")],
            TrainingRows: 16000,
            Svm: 97.62,
            Published: 98.5)
        {
            BatchSize = 128,
            Arrange = rows => rows,
        },
    ];

    /// <summary>Reads the embedded rows.</summary>
    /// <returns>Samples of the input's shape, and their labels.</returns>
    public (Tensor Samples, Tensor Labels) Read()
    {
        using var file = typeof(DataSet).Assembly.GetManifestResourceStream($"{Name}.csv.gz")!;
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        reader.ReadLine();
        var values = new List<float>();
        var labels = new List<long>();
        while (reader.ReadLine() is { } line)
        {
            var cells = line.Split(',');
            values.AddRange(cells[..^1].Select(cell => float.Parse(cell, CultureInfo.InvariantCulture)));
            labels.Add(long.Parse(cells[^1], CultureInfo.InvariantCulture));
        }

        using var scope = NewDisposeScope();
        var rows = tensor(values.ToArray()).view(labels.Count, -1);
        return (Arrange(rows).MoveToOuterDisposeScope(), tensor(labels.ToArray()).MoveToOuterDisposeScope());
    }
}
