using System.Globalization;
using MultiInputNet.Data;
using MultiInputNet.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Advice from the samples and the description.</summary>
internal static class DataAdvice
{
    private const int Samples = 1024;
    private const long MostValues = 4_000_000;
    private const int FewRows = 50;
    private const double UniqueShare = 0.9;
    private const double NumberedShare = 0.5;
    private const int FewClasses = 12;
    private const double NormalMean = 0.2;
    private const double NormalDeviationLow = 0.7;
    private const double NormalDeviationHigh = 1.4;
    private const double BrightPixel = 25;

    /// <summary>What the samples of each input show.</summary>
    public static IEnumerable<Advice> Find(MultiInputModel model, IReadOnlyList<DataSource> sources)
    {
        foreach (var path in model.Paths.Where(path => path.Standardization is not null && BeginsWithNormalization(path.Base)))
        {
            yield return new()
            {
                Kind = AdviceKind.DoubledNormalization,
                Subject = $"input '{path.Name}'",
                Measured = "it is standardised, and its base begins with a normalisation of its own, which was made for raw values.",
                ToDo = "Leave out one of the two: describe the input without a mean and a deviation.",
            };
        }

        var seen = new HashSet<(string Input, AdviceKind Kind, string Subject)>();
        foreach (var source in sources)
        {
            foreach (var advice in Of(model, source))
            {
                if (seen.Add((source.Name, advice.Kind, advice.Subject)))
                    yield return advice;
            }
        }
    }

    /// <summary>Classes with many names that are numbers in order.</summary>
    public static IEnumerable<Advice> NumericClasses(MultiInputModel model)
    {
        foreach (var task in model.Description.Tasks)
        {
            if (task.Head.NamesOfClasses is not { Count: > FewClasses } names)
                continue;
            var numbers = names.Select(name => double.TryParse(name, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : double.NaN).ToArray();
            if (!Enumerable.Range(1, numbers.Length - 1).All(i => numbers[i] > numbers[i - 1]))
                continue;
            yield return new()
            {
                Kind = AdviceKind.NumericClasses,
                Subject = $"task '{task.Name}'",
                Measured = FormattableString.Invariant($"its {names.Count} classes are numbers in order, from {names[0]} to {names[^1]}; a classification does not know that neighbours are close."),
                ToDo = "If they are amounts, such as years or grades, predict them with Heads.Regression; if they are only names, leave it as it is.",
                Numbers = new Dictionary<string, double> { ["classes"] = names.Count },
            };
        }
    }

    /// <summary>What a training warns of, apart from what advice says already.</summary>
    public static IEnumerable<Advice> Warnings(
        MultiInputModel model, IReadOnlyList<DataSource> sources, TrainingHistory? history, IReadOnlyList<Advice> found)
    {
        IEnumerable<string> warnings;
        if (history is not null)
            warnings = history.Warnings;
        else
        {
            // How large the batches will be is not known.
            using var undisturbed = new Undisturbed(model, gradients: false);
            warnings = [.. DataChecks.Find(model, new() { BatchSize = 1 }, sources, [])];
        }

        // A training says of raw pixels, and of values that do not match their standardisation, that they are large.
        string[] said = [.. found.Where(advice => advice.Kind is AdviceKind.RawPixels or AdviceKind.DoubledNormalization).Select(advice => $"{advice.Subject}: ")];
        foreach (var warning in warnings.Where(warning => !said.Any(subject => warning.StartsWith(subject, StringComparison.OrdinalIgnoreCase))))
        {
            var (subject, problem) = warning.IndexOf(": ", StringComparison.Ordinal) is > 0 and var colon ? (warning[..colon], warning[(colon + 2)..]) : ("data", warning);
            var end = problem.IndexOf(". ", StringComparison.Ordinal);
            yield return new()
            {
                Kind = AdviceKind.Data,
                Subject = subject,
                Measured = end < 0 ? problem : problem[..(end + 1)],
                ToDo = end < 0 ? "Look at whether it is meant so." : problem[(end + 2)..],
            };
        }
    }

    private static List<Advice> Of(MultiInputModel model, DataSource source)
    {
        var paths = model.Paths.Where(path => source.InputNames.Contains(path.Name)).ToArray();
        var values = paths.Sum(path => path.Spec.Shape.Aggregate(1L, (product, size) => product * size));
        var most = Math.Min(source.IsInMemory ? Samples : FewRows * 2, Math.Max(2, MostValues / Math.Max(1, values)));
        var rows = SeededOrder.Of(source.Count, 0, source.Name, 0).Take((int)Math.Min(source.Count, most)).Order().ToArray();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var batch = source.Read(rows);
        if (batch.Rows.Count < 2)
            return [];
        var found = new List<Advice>();
        foreach (var path in paths.Where(path => batch.Inputs.ContainsKey(path.Name)))
        {
            var samples = batch.Inputs[path.Name].detach().cpu().to(ScalarType.Float64);
            if (RawPixels(path, samples) is { } raw)
                found.Add(raw);
            if (NormalAlready(path, samples) is { } doubled)
                found.Add(doubled);
            if (path.Spec is TabularInput table && samples.dim() == 2 && batch.Rows.Count >= FewRows)
                found.AddRange(NearlyUnique(path.Name, table, samples));
        }

        return found;
    }

    private static Advice? RawPixels(InputPath path, Tensor samples)
    {
        if (path.Spec is not ImageInput || path.Standardization is not null || BeginsWithNormalization(path.Base))
            return null;
        var (least, most) = (samples.min().ToDouble(), samples.max().ToDouble());
        return !(least >= 0 && most is > BrightPixel and <= 255) || samples.frac().ne(0).any().ToBoolean() ? null : new()
        {
            Kind = AdviceKind.RawPixels,
            Subject = $"input '{path.Name}'",
            Measured = FormattableString.Invariant($"its pixels are whole numbers from {least} to {most}, and go in as they are, which trains badly."),
            ToDo = "Describe it with .StandardizedBy(training samples), or divide its values by 255.",
            Numbers = new Dictionary<string, double> { ["smallest"] = least, ["largest"] = most },
        };
    }

    /// <summary>Samples that are normal before the standardisation.</summary>
    private static Advice? NormalAlready(InputPath path, Tensor samples)
    {
        var numeric = path.Spec.NumericChannels.Select(channel => channel.Index).ToArray();
        if (path.Standardization is null || path.Spec is not { Mean: { } mean, StandardDeviation: { } deviation } || numeric.Length == 0)
            return null;
        var channels = samples.transpose(0, 1).flatten(1);
        double[] Each(Func<Tensor, Tensor> measure) =>
            [.. numeric.Select(index => channels[index][channels[index].isfinite()] is var values && values.numel() > 1 ? measure(values).ToDouble() : double.NaN)];
        var (means, deviations) = (Each(values => values.mean()), Each(values => values.std(unbiased: false)));
        bool IsNormal(double m, double d) => Math.Abs(m) <= NormalMean && d is >= NormalDeviationLow and <= NormalDeviationHigh;
        if (!means.Zip(deviations).All(its => IsNormal(its.First, its.Second)) || numeric.All(index => IsNormal(mean[index], deviation[index])))
            return null;
        return new()
        {
            Kind = AdviceKind.DoubledNormalization,
            Subject = $"input '{path.Name}'",
            Measured = FormattableString.Invariant($"its samples have means {Range(means)} and deviations {Range(deviations)} before they are standardised by other ones: they are standardised twice."),
            ToDo = "Give the raw values, or describe the input without a mean and a deviation.",
            Numbers = new Dictionary<string, double>
            {
                ["smallest_mean"] = means.Min(), ["largest_mean"] = means.Max(), ["smallest_deviation"] = deviations.Min(), ["largest_deviation"] = deviations.Max(),
            },
        };
    }

    /// <summary>The smallest and the largest number, or the only one.</summary>
    private static string Range(double[] numbers)
    {
        var (least, most) = (numbers.Min().ToString("0.00", CultureInfo.InvariantCulture), numbers.Max().ToString("0.00", CultureInfo.InvariantCulture));
        return least == most ? $"of {least}" : $"from {least} to {most}";
    }

    private static IEnumerable<Advice> NearlyUnique(string input, TabularInput table, Tensor samples)
    {
        for (var index = 0; index < table.Features; index++)
        {
            var column = table.Columns?[index];
            var values = samples.select(1, index).Numbers<double>().Where(double.IsFinite).ToArray();
            if (values.Length < FewRows)
                continue;
            var distinct = values.Distinct().Count();

            // 0 stands for every unknown category.
            var share = column is CategoricalColumn ? values.Where(value => value != 0).Distinct().Count() / (double)values.Length : distinct / (double)values.Length;
            var isNumbered = column is CategoricalColumn || (values.All(double.IsInteger) && distinct == values.Length && distinct > NumberedShare * (values.Max() - values.Min() + 1));
            if (share < UniqueShare || !isNumbered)
                continue;
            yield return new()
            {
                Kind = AdviceKind.NearlyUniqueColumn,
                Subject = $"input '{input}', column {(column is null ? index.ToString(CultureInfo.InvariantCulture) : $"'{column.Name}'")}",
                Measured = FormattableString.Invariant($"{share:0%} of {values.Length} rows have a value of their own: it names rows and says nothing about new ones."),
                ToDo = "Leave the column out.",
                Numbers = new Dictionary<string, double> { ["share"] = share, ["rows"] = values.Length },
            };
        }
    }

    /// <summary>Whether the first thing that a base does is a normalisation.</summary>
    private static bool BeginsWithNormalization(SharedBase sharedBase) =>
        sharedBase.modules().FirstOrDefault(module => !module.children().Any() && module.parameters().Any()) is { } first && Normalizations.Contains(first);
}
