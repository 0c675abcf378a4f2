using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using System.Text;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

/// <summary>Reads the command line.</summary>
internal static class Program
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> augmentations = new()
    {
        ["flip"] = Augmentations.HorizontalFlip(),
        ["flip-vertical"] = Augmentations.VerticalFlip(),
        ["shift"] = Augmentations.Shift(pixels: 2),
        ["turn"] = Augmentations.TurnAndMirror(),
        ["rotate"] = Augmentations.Rotate(degrees: 10),
        ["erase"] = Augmentations.Erase(),
        ["time-shift"] = Augmentations.TimeShift(steps: 2),
        ["time-crop"] = Augmentations.TimeCrop(smallest: 0.8),
        ["drop"] = Augmentations.DropValues(probability: 0.1),
    };

    private static readonly Dictionary<string, ModelPart> parts = new()
    {
        ["all"] = Parts.All,
        ["base"] = Parts.Base,
        ["projections"] = Parts.Projections(),
        ["heads"] = Parts.Heads(),
        ["fusions"] = Parts.Fusions(),
    };

    private const string PredictionHelp =
        "Answer for new samples with the model of --model instead of training: FILE or FOLDER, or NAME=FILE where several inputs of the model take such samples. "
        + "A folder or file of images, a table (.csv, .tsv, .txt; other columns and labels are ignored), a .npy array or an IDX file. Writes CSV: the name of each sample, and for each task "
        + "the class, its probability and that of each class (with more than 100 classes, of the five most probable); the labels above one half and the probability of each; or the values.";

    public static int Main(string[] args)
    {
        FreedMemory.Keep();
        var input = Several("--input", "An input and the location of its samples, NAME=KIND:PATH; repeat for each input. Kinds: images (one folder per class), csv, idx, npy (X.npy,Y.npy), sample (digits, landsat, dna, letter).", InputArgument.Parse);
        var target = Several("--target", "The column of a CSV file that holds the labels, COLUMN or NAME=COLUMN. By default the last column.", text => NamedOrAll(text, value => value));
        var column = Several("--column", $"The kind of a column of a CSV file, COLUMN=KIND, instead of the inferred one. Kinds: {string.Join(", ", Settings.ColumnKinds)}; class and regression mark labels.", Column);
        var delimiter = Several("--delimiter", "The field delimiter of a CSV file, CHARACTER (or tab) or NAME=CHARACTER. By default a comma.", text => NamedOrAll(text, Delimiter));
        var point = Several("--decimal", "The decimal separator in a CSV file, CHARACTER or NAME=CHARACTER. By default a point.", text => NamedOrAll(text, Character));
        var thousands = Several("--thousands", "The thousands separator in a CSV file, CHARACTER or NAME=CHARACTER. By default none.", text => NamedOrAll(text, value => (char?)Character(value)));
        var encoding = Several("--encoding", "The encoding of a CSV file, such as utf-8, utf-16 or windows-1252, ENCODING or NAME=ENCODING. By default utf-8.", text => NamedOrAll(text, TextEncoding));
        var sharedBase = One("--base", $"The shared base, convnet:WIDTHS or one of {string.Join(", ", Bases.Published.Keys)}. With --weights FILE it is read from the file.", Base, "convnet:64,128");
        var channels = One("--channels", "Input channels of a convnet.", text => CommandLine.Number(text, 1), "48");
        var depth = One("--depth", "Convolutions per stage of a convnet.", text => CommandLine.Number(text, 1), "1");
        var normalization = One("--normalization", "Normalisation in a convnet: none, batch, group or layer.", Kind<Normalization>, "group");
        var weights = One("--weights", $"Weights to start from: a model saved by this library, as far as it fits; weights of the base alone (safetensors, .pth, .onnx); or {Settings.ImageNet}, for resnet18: real weights, trained on ImageNet, without a download. A published base then takes RGB images of --input NAME=images:... with ImageNet's mean and deviation, and adapts its first layer to images with other channels.", text => text);
        var phases = One("--phases", "What to train for how many epochs: PART+PART:EPOCHS,... where PART is all, base, projections, heads, fusions or lastN (the last N stages of the base); PART@0.1 trains at a tenth of the learning rate.", Phases);
        phases.Aliases.Add("--stages"); // its name before 0.2
        var epochs = One("--epochs", "Epochs, unless --phases is given.", text => CommandLine.Number(text, 1), "10");
        var steps = One<int?>("--steps-per-epoch", "Steps per epoch. By default enough to see the largest input once.", text => CommandLine.Number(text, 1));
        var rate = One("--learning-rate", "The highest learning rate.", text => Real(text, 0, 100), "0.003");
        var decay = One("--weight-decay", "The weight decay.", text => Real(text, 0, 100), "0.05");
        var batch = Several("--batch-size", "Samples per step, NUMBER or NAME=NUMBER. Default: 64, except for the built-in samples, which have their own.", text => NamedOrAll(text, value => CommandLine.Number(value, 1)));
        var dropout = Several("--dropout", "Dropout before the head, SHARE or NAME=SHARE. Default: 0.3, except for the built-in samples, which have their own.", text => NamedOrAll(text, value => Real(value, 0, 0.99)));
        var average = One<double?>("--average", "Decay of an exponential moving average of the weights, such as 0.999. By default weights are not averaged.", text => Real(text, 0, 0.999999));
        var augment = Several("--augment", $"Random augmentation of training samples, NAME=LIST of {string.Join(", ", augmentations.Keys)}.", text => NamedOrAll(text, Augmentation));
        var sampling = One("--sampling", "Which inputs take part in a step: all, round-robin, proportional or temperature:TAU.", Sampling, "all");
        var patience = One("--patience", "Epochs without improvement on the validation samples before a phase ends early.", text => CommandLine.Number(text, 1), "5");
        var seed = One("--seed", "The seed of everything random.", text => CommandLine.Number(text, 0), "0");
        var file = One("--out", "Where to save the best model, or with --predict the answers, which otherwise go to standard output; the folder must exist.", text => text, "model.safetensors");
        var checkpoints = One("--checkpoints", "A folder for checkpoints, from which an interrupted training can resume.", text => text);
        var resume = new Option<bool>("--resume") { Description = "Resume from the latest checkpoint, or start from the beginning if there is none." };
        var earlier = new Option<bool>("--allow-earlier") { Description = "With --resume, use an earlier checkpoint if the latest is damaged." };
        var threads = One<int?>("--threads", "Threads to compute with. By default as many as there are cores.", text => CommandLine.Number(text, 1));
        var report = One("--report", "A folder for a report of the model (report.html), and tables (CSV) of the test samples: scores of each class, confusions, calibration and the prediction for each sample.", text => text);
        var watch = new Option<int?>("--watch")
        {
            Description = "Show the running training on a page for browsers on this machine: at http://127.0.0.1:PORT/, or without PORT at any port that is free.",
            HelpName = "PORT",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = result =>
            {
                if (result.Tokens.Count == 0)
                    return 0;
                if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= 65535)
                    return port;
                result.AddError($"--watch: '{result.Tokens[0].Value}' is not a port; give a number from 0 to 65535, or none.");
                return null;
            },
        };
        var predict = One("--predict", PredictionHelp, PredictionSettings.ParsePath);
        var model = One("--model", "With --predict, the model, or one exported to ONNX.", text => text);
        var task = One("--task", "With --predict, the only task to answer. By default every task that reads nothing but the input.", text => text);
        var engine = Engine.Option();
        var command = new RootCommand("Trains one model with a shared base on your own inputs, and saves it; or answers for new samples with a saved model (--predict). Exit code: 0; 1 if something went wrong or the program was stopped; 2 if --predict had to skip samples that cannot be read.")
        {
            predict, model, engine, task, input, target, column, delimiter, point, thousands, encoding, sharedBase, channels, depth, normalization, weights, phases, epochs, steps, rate, decay, batch, dropout, average, augment, sampling,
            patience, seed, file, report, watch, checkpoints, resume, earlier, threads,
        };
        var predicting = new Option[] { predict, model, engine, task };
        var common = new Option[] { delimiter, point, thousands, encoding, file, threads };
        command.Validators.Add(arguments =>
        {
            bool IsGiven(Option option) => arguments.GetResult(option) is { Implicit: false };
            if (!IsGiven(predict))
            {
                if (!IsGiven(input))
                    arguments.AddError("Option '--input' is required.");
                foreach (var option in predicting.Where(IsGiven))
                    arguments.AddError($"{option.Name} is for --predict; leave it out of a training.");
                return;
            }

            if (!IsGiven(model))
                arguments.AddError("--predict needs a model; give --model model.safetensors.");
            foreach (var option in command.Options.Where(option => option is not (HelpOption or VersionOption) && IsGiven(option)).Except([.. predicting, .. common]))
                arguments.AddError($"{option.Name} is for training; leave it out with --predict.");
        });
        command.SetAction(arguments => predict.IsGiven(arguments) ? PredictionSession.Run(new()
        {
            Path = predict.Of(arguments).Path,
            Input = predict.Of(arguments).Input,
            Model = model.Of(arguments),
            Engine = engine.Of(arguments),
            Task = task.Of(arguments),
            Out = file.IsGiven(arguments) ? file.Of(arguments) : null,
            Delimiters = new(arguments.GetValue(delimiter) ?? []),
            DecimalSeparators = new([.. (arguments.GetValue(point) ?? []).Select(value => (value.Input, (char?)value.Value))]),
            ThousandsSeparators = new(arguments.GetValue(thousands) ?? []),
            Encodings = new(arguments.GetValue(encoding) ?? []),
            Threads = threads.Of(arguments),
        }) : Session.Run(
            new()
            {
                Inputs = arguments.GetValue(input)!,
                Targets = new(arguments.GetValue(target) ?? []),
                Columns = arguments.GetValue(column) ?? [],
                Delimiters = new(arguments.GetValue(delimiter) ?? []),
                DecimalSeparators = new(arguments.GetValue(point) ?? []),
                ThousandsSeparators = new(arguments.GetValue(thousands) ?? []),
                Encodings = new(arguments.GetValue(encoding) ?? []),
                BatchSizes = new(arguments.GetValue(batch) ?? []),
                Dropouts = new(arguments.GetValue(dropout) ?? []),
                Augmentations = new(arguments.GetValue(augment) ?? []),
                Base = !sharedBase.IsGiven(arguments) && weights.IsGiven(arguments)
                    ? null
                    : sharedBase.Of(arguments) is ConvNetSpec convNet ? convNet with
                    {
                        Channels = channels.Of(arguments),
                        Depth = depth.Of(arguments),
                        Normalization = normalization.Of(arguments),
                    }
                    : sharedBase.Of(arguments),
                Weights = weights.Of(arguments),
                Phases = phases.Of(arguments) ?? [],
                Epochs = epochs.Of(arguments),
                StepsPerEpoch = steps.Of(arguments),
                LearningRate = rate.Of(arguments),
                WeightDecay = decay.Of(arguments),
                Average = average.Of(arguments),
                Sampling = sampling.Of(arguments),
                Patience = patience.Of(arguments),
                Seed = seed.Of(arguments),
                Out = file.Of(arguments),
                Report = report.Of(arguments),
                Watch = arguments.GetResult(watch) is { Implicit: false } ? arguments.GetValue(watch) : null,
                Checkpoints = checkpoints.Of(arguments),
                Resume = arguments.GetValue(resume),
                AllowEarlier = arguments.GetValue(earlier),
                Threads = threads.Of(arguments),
            },
            args));
        return CommandLine.Run(command, args);
    }

    private static double Real(string text, double low, double high) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number >= low && number <= high
            ? number
            : throw new FormatException(FormattableString.Invariant($"'{text}' is not a number from {low} to {high}."));

    private static T Kind<T>(string text)
        where T : struct, Enum => Enum.GetNames<T>().FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known
        ? Enum.Parse<T>(known)
        : throw new FormatException($"'{text}' is none of {string.Join(", ", Enum.GetNames<T>().Select(name => name.ToLowerInvariant()))}.");

    private static BaseSpec Base(string text) => Bases.Published.TryGetValue(text, out var published) ? published
        : text.Split(':') is ["convnet", var widths] ? Bases.ConvNet(48, [.. widths.Split(',').Select(width => CommandLine.Number(width, 1))])
        : throw new FormatException($"'{text}' is not a base; give convnet:WIDTHS, such as convnet:64,128, or one of {string.Join(", ", Bases.Published.Keys)}.");

    private static TrainingPhase[] Phases(string text) =>
    [
        .. text.Split(',').Select(phase => phase.Split(':') is [var names, var epochs]
            ? new TrainingPhase(CommandLine.Number(epochs, 1), [.. names.Split('+').Select(PartAtRate)])
            : throw new FormatException($"'{phase}' is not a phase; give PART+PART:EPOCHS, such as heads+projections:2,all:8.")),
    ];

    private static PartRate PartAtRate(string text)
    {
        var name = text.Split('@')[0];
        var part = name.StartsWith("last", StringComparison.Ordinal) ? Parts.LastBaseStages(CommandLine.Number(name["last".Length..], 1))
            : parts.GetValueOrDefault(name) ?? throw new FormatException($"'{name}' is not a part of a model; use one of {string.Join(", ", parts.Keys)} or lastN.");
        return new(part, name == text ? 1 : Real(text[(name.Length + 1)..], 0, 1000));
    }

    private static SourceSampling Sampling(string text) => text.Split(':') switch
    {
        ["all"] => SourceSampling.All,
        ["round-robin"] => SourceSampling.RoundRobin,
        ["proportional"] => SourceSampling.Proportional,
        ["temperature", var tau] => SourceSampling.Temperature(Real(tau, 0, 1)),
        _ => throw new FormatException($"'{text}' is not a sampling; use all, round-robin, proportional or temperature:TAU with TAU from 0 to 1."),
    };

    private static Func<Tensor, Tensor> Augmentation(string list) => Augmentations.Compose(
    [
        .. list.Split(',').Select(name => augmentations.GetValueOrDefault(name)
            ?? throw new FormatException($"'{name}' is not an augmentation; use some of {string.Join(", ", augmentations.Keys)}.")),
    ]);

    private static (string Name, string Kind) Column(string text) =>
        text.LastIndexOf('=') is > 0 and var at && Settings.ColumnKinds.Contains(text[(at + 1)..])
            ? (text[..at], text[(at + 1)..])
            : throw new FormatException($"'{text}' does not give a column a kind; give COLUMN=KIND with one of {string.Join(", ", Settings.ColumnKinds)}.");

    private static char Character(string text) => text.Length == 1 ? text[0] : throw new FormatException($"'{text}' is not a single character.");

    private static char Delimiter(string text)
    {
        try
        {
            return new CsvFormat { Delimiter = text is "tab" or "\\t" ? '\t' : Character(text) }.Delimiter;
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"'{text}' is not a delimiter. {e.Message}", e);
        }
    }

    private static Encoding TextEncoding(string name)
    {
        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(name) ?? Encoding.GetEncoding(name);
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"'{name}' is not an encoding; give one such as utf-8, utf-16 or windows-1252.", e);
        }
    }

    private static (string? Input, T Value) NamedOrAll<T>(string text, Func<string, T> parse) =>
        text.Split('=', 2) is [var name, var value] ? (name, parse(value)) : (null, parse(text));

    private static Option<T[]> Several<T>(string name, string description, Func<string, T> parse) => new(name)
    {
        Description = description,
        CustomParser = result =>
        {
            try
            {
                return [.. result.Tokens.Select(token => parse(token.Value))];
            }
            catch (FormatException e)
            {
                result.AddError($"{name}: {e.Message}");
                return [];
            }
        },
    };

    private static Choice<T> One<T>(string name, string description, Func<string, T> parse, string? otherwise = null) => new(name, description, parse, otherwise);
}
