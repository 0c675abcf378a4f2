using System.Text;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Images;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;

/// <summary>An input ready for use: its part of the model's description, and its samples in three parts.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Input">The shape of a sample, with the statistics of the training samples.</param>
/// <param name="Projection">Its projection to the base.</param>
/// <param name="Head">The head of its task.</param>
/// <param name="Training">The samples to train on.</param>
/// <param name="Validation">A tenth of the training samples, held back to find the best epoch.</param>
/// <param name="Test">Samples that are used once, at the end.</param>
internal sealed record Prepared(
    string Name, InputSpec Input, ProjectionSpec Projection, HeadSpec Head, DataSource Training, DataSource Validation, DataSource Test)
{
    private const double TestShare = 0.2;
    private const double ValidationShare = 0.1;
    private const double LabelSmoothing = 0.1;

    private static readonly ProjectionSpec imageProjection = Projections.Convolution(Normalization.Group, Activation.ReLU);

    /// <exception cref="MultiInputException">A file cannot be read.</exception>
    public static Prepared Load(InputArgument argument, Settings settings) => argument.Kind switch
    {
        "sample" => FromSample(argument, settings),
        "idx" => FromIdx(argument, settings),
        "npy" => FromNumpy(argument, settings),
        "images" => FromImages(argument, settings),
        _ => FromCsv(argument, settings),
    };

    private static Prepared FromSample(InputArgument argument, Settings settings)
    {
        var data = DataSet.All.First(data => data.Name == argument.Path);
        var (samples, labels) = data.Read();
        DataSource Take(Range rows) => InMemory(argument, settings, new(argument.Name, samples[rows], labels[rows]), data.BatchSize, data.Augment);
        var head = Heads.Classification(data.ClassNames.Length, LabelSmoothing, dropout: settings.Dropouts.Of(argument.Name, data.Dropout)) with
        {
            ClassNames = data.ClassNames,
        };
        return Divide(data.Input, data.Projection, head, Take(..data.TrainingRows), Take(data.TrainingRows..), settings);
    }

    private static Prepared FromIdx(InputArgument argument, Settings settings)
    {
        DataSource Read(string images, string labels) => InMemory(argument, settings, IdxFile.ReadSource(argument.Name, images, labels));
        DataSource ReadFrom(string folder, string part) => Read(Find(folder, $"{part}-images-idx3-ubyte"), Find(folder, $"{part}-labels-idx1-ubyte"));
        var (training, test) = Directory.Exists(argument.Path)
            ? (ReadFrom(argument.Path, "train"), ReadFrom(argument.Path, "t10k"))
            : Halve(Read(argument.Pair.Samples, argument.Pair.Labels), TestShare, settings);
        return FromShape(argument, training, test, settings);
    }

    private static Prepared FromNumpy(InputArgument argument, Settings settings)
    {
        var (training, test) = Halve(InMemory(argument, settings, NumpyFile.ReadSource(argument.Name, argument.Pair.Samples, argument.Pair.Labels)), TestShare, settings);
        return FromShape(argument, training, test, settings);
    }

    private static Prepared FromImages(InputArgument argument, Settings settings)
    {
        var input = Inputs.Image(argument.Channels, argument.Size, argument.Size);
        var folder = new ImageFolderSource(argument.Name, argument.Path, input)
        {
            BatchSize = settings.BatchSizes.Of(argument.Name, 64),
            Augment = Augmentation(argument, settings, null),
        };
        var (training, test) = Halve(folder, TestShare, settings);
        var head = Heads.Classification(folder.ClassNames.Count, LabelSmoothing, dropout: settings.Dropouts.Of(argument.Name, 0.3)) with
        {
            ClassNames = folder.ClassNames,
        };

        // A model standardises what goes straight into a pretrained base as ImageNet's photos were.
        var isRgb = settings.StartsPretrained && argument.Channels == 3 && settings.Base!.Channels == 3;
        return Divide(input, imageProjection, head, training, test, settings, isStandardized: isRgb);
    }

    private static Prepared FromCsv(InputArgument argument, Settings settings)
    {
        var format = Format(argument, settings);
        var columns = CsvTable.ReadColumns(argument.Path, format);
        CheckColumns(settings);
        string[] Of(params string[] kinds) => [.. settings.Columns.Where(column => kinds.Contains(column.Kind) && columns.Contains(column.Name)).Select(column => column.Name)];
        var labels = Of("class", "regression");
        var target = settings.Targets.Of(argument.Name, labels.FirstOrDefault(columns[^1]));
        if (labels.FirstOrDefault(label => label != target) is { } second)
            throw new MultiInputException($"input '{argument.Name}'", ModelComponent.Target, $"both '{target}' and '{second}' are marked as labels.", "Mark one column, and give the other the kind number, category or ignore.");

        // Classes come from all rows, column statistics from the training rows only.
        var table = CsvTable.Read(argument.Path, new()
        {
            Format = format,
            Numeric = Of("number", "regression"),
            Categorical = Of("category", "class"),
            Ignore = Of("ignore"),
            DecimalSeparator = settings.DecimalSeparators.Of(argument.Name, '.'),
            ThousandsSeparator = settings.ThousandsSeparators.Of(argument.Name, null),
        });
        var all = table.Infer([target]);

        // Split the row numbers.
        var numbered = new TensorSource(argument.Name, arange(table.Count, ScalarType.Int64), table.Source(argument.Name, all).Targets[argument.Name]);
        var (_, held) = Halve(numbered, TestShare, settings);
        var test = held.Read([.. Enumerable.Range(0, (int)held.Count).Select(row => (long)row)]).Inputs[argument.Name].data<long>().ToHashSet();
        var schema = table.Infer([target], row => !test.Contains(row)) with { Targets = all.Targets };
        Console.WriteLine($"{argument.Name}, {argument.Path}:\n{schema}");
        foreach (var warning in all.Warnings)
            AnsiConsole.MarkupLineInterpolated($"[yellow]{argument.Name}: {warning}[/]");
        if (all.Warnings.Count > 0)
            Console.WriteLine($"To set the kind of a column: --column COLUMN=KIND with one of {string.Join(", ", Settings.ColumnKinds)}.");
        var source = new CsvSource(argument.Name, schema, argument.Path)
        {
            BatchSize = settings.BatchSizes.Of(argument.Name, 64),
            Augment = Augmentation(argument, settings, null),
        };
        DataSource Rows(bool areHeld) => source.Subset([.. Enumerable.Range(0, table.Count).Select(row => (long)row).Where(row => test.Contains(row) == areHeld)]);

        var options = new HeadOptions { Dropout = settings.Dropouts.Of(argument.Name, 0.3) };
        HeadSpec head = schema.Head switch
        {
            ClassificationSpec classes => classes with { LabelSmoothing = LabelSmoothing, Options = options },
            RegressionSpec numbers => numbers with { Options = options },
            var other => other,
        };
        var (training, validation) = Halve(Rows(areHeld: false), ValidationShare, settings);
        return new(
            argument.Name, schema.Input, Projections.Tabular(4, 4, Normalization.Group, Activation.ReLU), head, training, validation, Rows(areHeld: true));
    }

    /// <summary>Samples described by their shape alone: images, sequences or rows.</summary>
    private static Prepared FromShape(InputArgument argument, DataSource training, DataSource test, Settings settings)
    {
        var shape = training.Read([0]).Inputs[argument.Name].shape;
        (InputSpec Input, ProjectionSpec Projection) way = shape.Select(size => (int)size).ToArray() switch
        {
            [_, var features] => (Inputs.Tabular(features), Projections.Tabular(4, 4, Normalization.Group, Activation.ReLU)),
            [_, var features, var length] => (Inputs.Sequence(features, length), Projections.Sequence(normalization: Normalization.Group, activation: Activation.ReLU)),
            [_, var channels, var height, var width] => (Inputs.Image(channels, height, width), imageProjection),
            _ => throw new MultiInputException(
                $"input '{argument.Name}'",
                ModelComponent.Input,
                $"its samples have shape ({string.Join(", ", shape)}).",
                "Give (rows, features), (rows, features, length) or (rows, channels, height, width)."),
        };
        var labels = training.Targets[argument.Name];
        var dropout = settings.Dropouts.Of(argument.Name, 0.3);
        HeadSpec head = labels.dtype == ScalarType.Int64
            ? Heads.Classification((int)Math.Max(labels.max().ToInt64(), test.Targets[argument.Name].max().ToInt64()) + 1, LabelSmoothing, dropout: dropout)
            : Heads.Regression((int)labels.shape[1], dropout: dropout);
        return Divide(way.Input, way.Projection, head, training, test, settings);
    }

    private static Prepared Divide(InputSpec input, ProjectionSpec projection, HeadSpec head, DataSource training, DataSource test, Settings settings, bool isStandardized = false)
    {
        var (rest, validation) = Halve(training, ValidationShare, settings);
        return new(training.Name, isStandardized ? input : input.StandardizedBy(rest), projection, head, rest, validation, test);
    }

    private static (DataSource Kept, DataSource Held) Halve(DataSource source, double share, Settings settings)
    {
        try
        {
            return source.Split(share, settings.Seed);
        }
        catch (ArgumentException)
        {
            var classes = source.Targets.Values.FirstOrDefault(labels => labels.dim() == 1 && labels.dtype == ScalarType.Int64)?.cpu().data<long>().Distinct().Count();
            throw TooFew(source.Name, source.Count, classes);
        }
    }

    private static MultiInputException TooFew(string input, long count, int? classes = null) => new(
        $"input '{input}'",
        ModelComponent.Input,
        $"it has {count} samples{(classes is null ? "" : $" of {classes} classes")}, too few to hold some out for validation and test.",
        $"Give more, at least a dozen{(classes is null ? "" : " of each class, or use other labels")}.");

    private static TensorSource InMemory(
        InputArgument argument, Settings settings, TensorSource source, int batchSize = 64, Func<Tensor, Tensor>? augment = null) =>
        new(source.Name, source.Inputs, source.Targets)
        {
            BatchSize = settings.BatchSizes.Of(argument.Name, batchSize),
            Augment = Augmentation(argument, settings, augment),
        };

    private static Func<string, Tensor, Tensor>? Augmentation(InputArgument argument, Settings settings, Func<Tensor, Tensor>? otherwise) =>
        settings.Augmentations.Of(argument.Name, otherwise!) is { } augment ? (_, batch) => augment(batch) : null;

    private static string Find(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path) || !File.Exists($"{path}.gz") ? path : $"{path}.gz";
    }

    private static CsvFormat Format(InputArgument argument, Settings settings) => new()
    {
        Delimiter = settings.Delimiters.Of(argument.Name, ','),
        Encoding = settings.Encodings.Of(argument.Name, Encoding.UTF8),
    };

    private static void CheckColumns(Settings settings)
    {
        var known = settings.Inputs.Where(input => input.Kind == "csv").SelectMany(input => CsvTable.ReadColumns(input.Path, Format(input, settings))).ToHashSet();
        if (settings.Columns.FirstOrDefault(column => !known.Contains(column.Name)) is { Name: { } unknown })
            throw new MultiInputException($"column '{unknown}'", ModelComponent.Input, "it is in none of the CSV files.", $"The columns are {string.Join(", ", known)}.");
    }
}
