using System.Globalization;
using MultiInputNet.Data;

namespace MultiInputNet.Training;

/// <summary>Writes evaluations to files.</summary>
public static class EvaluationExtensions
{
    /// <summary>With more classes or labels, predictions have no columns for each of them.</summary>
    private const int MostColumns = 100;

    /// <summary>Saves an evaluation as tables that spreadsheets and pandas read, up to six for each task.</summary>
    /// <remarks>
    /// <list type="bullet">
    /// <item><c>TASK.metrics.csv</c>: <c>metric,value</c>, with the loss and the number of samples first.</item>
    /// <item><c>TASK.classes.csv</c>: <see cref="TaskEvaluation.Classes"/>, a row for each.</item>
    /// <item>
    /// <c>TASK.confusion.csv</c>: <see cref="TaskEvaluation.Confusions"/> by the names of the classes, <c>label,prediction,count</c>.
    /// </item>
    /// <item>
    /// <c>TASK.calibration.csv</c>: <see cref="TaskEvaluation.Calibration"/>, a row for each bin; with labels also that of each label, whose
    /// name is in the first column, empty for all together.
    /// </item>
    /// <item><c>TASK.outputs.csv</c>: <see cref="TaskEvaluation.Outputs"/>, a row for each.</item>
    /// <item>
    /// <c>TASK.predictions.csv</c>: <see cref="TaskEvaluation.Predictions"/>, a row for each with source, number and name of the sample,
    /// label and prediction; for a class also its probability and, up to 100 classes, that of each. Of several labels the present ones are
    /// listed, separated by semicolons, and up to 100 each has a column for label and probability. Values have a pair of columns each.
    /// </item>
    /// </list>
    /// <para>
    /// What a task does not have is not written. Numbers are in invariant culture, texts in UTF-8 and unchanged, quoted where commas, quotes
    /// and line breaks demand it (RFC 4180); a missing label is an empty cell. Spreadsheets take a text such as <c>=1+1</c> for a formula:
    /// import such columns as text.
    /// </para>
    /// </remarks>
    /// <param name="evaluations">The evaluation of each task by its name, as <c>Trainer.Evaluate</c> returns it.</param>
    /// <param name="folder">The folder, created if it does not exist. A file of the same name is replaced once the new one is complete.</param>
    /// <exception cref="MultiInputException">A file cannot be written.</exception>
    public static void SaveCsv(this IReadOnlyDictionary<string, TaskEvaluation> evaluations, string folder)
    {
        ArgumentNullException.ThrowIfNull(evaluations);
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MultiInputException($"folder '{folder}'", ModelComponent.File, $"it cannot be created: {e.Message}", "Give a location that is writable.", e);
        }

        foreach (var (task, evaluation) in evaluations)
        {
            foreach (var (table, rows) in Tables(evaluation))
            {
                WholeFile.Write(Path.Combine(folder, $"{task}.{table}.csv"), file =>
                {
                    using var writer = new StreamWriter(file, leaveOpen: true) { NewLine = "\n" };
                    foreach (var row in rows)
                        writer.WriteLine(string.Join(',', row));
                });
            }
        }
    }

    /// <summary>The tables that a task has, each as rows of cells.</summary>
    private static IEnumerable<(string Name, IEnumerable<IEnumerable<string>> Rows)> Tables(TaskEvaluation evaluation)
    {
        yield return ("metrics", [["metric", "value"], ["loss", CsvCell.Of(evaluation.Loss)], ["count", Text(evaluation.Count)],
            .. evaluation.Metrics.Select(metric => (string[])[CsvCell.Of(metric.Key), CsvCell.Of(metric.Value)])]);
        if (evaluation.Classes.Count > 0)
            yield return ("classes", Classes(evaluation.Classes));
        if (evaluation.Confusions.Count > 0)
            yield return ("confusion", Confusions(evaluation));
        if (evaluation.Calibration is { } calibration)
            yield return ("calibration", Calibrations(calibration, evaluation.Classes));
        if (evaluation.Outputs.Count > 0)
            yield return ("outputs", Outputs(evaluation.Outputs));
        if (evaluation.Predictions.Count > 0)
            yield return ("predictions", Predictions(evaluation.Predictions));
    }

    private static IEnumerable<IEnumerable<string>> Classes(IReadOnlyList<ClassScores> classes)
    {
        var areLabels = classes[0].Calibration is not null;
        yield return [areLabels ? "label" : "class", "count", "support", "predicted", "correct", "precision", "recall", "f1", .. areLabels ? (string[])["calibration_error"] : []];
        foreach (var its in classes)
        {
            yield return
            [
                CsvCell.Of(its.Name), Text(its.Count), Text(its.Support), Text(its.Predicted), Text(its.Correct), CsvCell.Of(its.Precision), CsvCell.Of(its.Recall), CsvCell.Of(its.F1),
                .. its.Calibration is { } calibration ? (string[])[CsvCell.Of(calibration.Error)] : [],
            ];
        }
    }

    private static IEnumerable<IEnumerable<string>> Confusions(TaskEvaluation evaluation)
    {
        string Name(int number) => CsvCell.Of(evaluation.Classes[number].Name);
        yield return ["label", "prediction", "count"];
        foreach (var cell in evaluation.Confusions)
            yield return [Name(cell.Label), Name(cell.Prediction), Text(cell.Count)];
    }

    private static IEnumerable<IEnumerable<string>> Calibrations(Calibration all, IReadOnlyList<ClassScores> classes)
    {
        var labels = classes.Where(its => its.Calibration is not null).Select(its => (Names: (string[])[CsvCell.Of(its.Name)], its.Calibration!)).ToArray();
        var tables = labels.Length == 0 ? [(Names: [], all)] : labels.Prepend((Names: [""], all));
        yield return [.. labels.Length == 0 ? (string[])[] : ["label"], "from", "to", "count", "probability", "frequency"];
        foreach (var (names, calibration) in tables)
        {
            foreach (var bin in calibration.Bins)
                yield return [.. names, CsvCell.Of(bin.From), CsvCell.Of(bin.To), Text(bin.Count), CsvCell.Of(bin.Probability), CsvCell.Of(bin.Frequency)];
        }
    }

    private static IEnumerable<IEnumerable<string>> Outputs(IReadOnlyList<OutputScores> outputs)
    {
        yield return ["output", "count", "mean_error", "mae", "rmse", "r2"];
        foreach (var its in outputs)
            yield return [CsvCell.Of(its.Name), Text(its.Count), CsvCell.Of(its.MeanError), CsvCell.Of(its.Mae), CsvCell.Of(its.Rmse), CsvCell.Of(its.R2)];
    }

    private static IEnumerable<IEnumerable<string>> Predictions(IReadOnlyList<EvaluatedSample> samples)
    {
        var first = samples[0].Prediction;
        var (header, cells) = first.Kind switch
        {
            PredictionKind.Class => OfClass(first.Classes),
            PredictionKind.Labels => OfLabels(first.Labels),
            _ => OfValues(first),
        };
        yield return ["source", "row", "name", .. header];
        foreach (var sample in samples)
            yield return [CsvCell.Of(sample.Source), Text(sample.Row), CsvCell.Of(sample.Name), .. cells(sample)];
    }

    private static (IEnumerable<string> Header, Func<EvaluatedSample, IEnumerable<string>> Cells) OfClass(IReadOnlyList<NamedProbability> classes)
    {
        var each = classes.Count <= MostColumns ? classes : [];
        return (
            ["label", "prediction", "probability", .. each.Select(its => CsvCell.Of($"probability.{its.Name}"))],
            sample =>
            [
                sample.Label is [>= 0 and var label] ? CsvCell.Of(classes[(int)label].Name) : "",
                CsvCell.Of(sample.Prediction.ClassName),
                CsvCell.Of(sample.Prediction.Probability),
                .. sample.Prediction.Classes.Take(each.Count).Select(its => CsvCell.Of(its.Probability)),
            ]);
    }

    private static (IEnumerable<string> Header, Func<EvaluatedSample, IEnumerable<string>> Cells) OfLabels(IReadOnlyList<NamedProbability> labels)
    {
        var each = labels.Count <= MostColumns ? labels : [];
        return (
            ["label", "prediction", .. each.SelectMany(its => (string[])[CsvCell.Of($"label.{its.Name}"), CsvCell.Of($"probability.{its.Name}")])],
            sample =>
            [
                CsvCell.Of(string.Join(';', labels.Zip(sample.Label).Where(its => its.Second > 0.5).Select(its => its.First.Name))),
                CsvCell.Of(string.Join(';', sample.Prediction.PresentLabels)),
                .. sample.Prediction.Labels.Take(each.Count).Zip(sample.Label).SelectMany(its => (string[])[Present(its.Second), CsvCell.Of(its.First.Probability)]),
            ]);
    }

    private static (IEnumerable<string> Header, Func<EvaluatedSample, IEnumerable<string>> Cells) OfValues(Prediction first)
    {
        string Suffix(int output) => first.Values.Count == 1 ? "" : $".{first.ValueNames?[output] ?? Text(output)}";
        return (
            Enumerable.Range(0, first.Values.Count).SelectMany(output => (string[])[CsvCell.Of($"label{Suffix(output)}"), CsvCell.Of($"prediction{Suffix(output)}")]),
            sample => sample.Label.Zip(sample.Prediction.Values).SelectMany(its => (string[])[Present(its.First), CsvCell.Of(its.Second)]));
    }

    /// <summary>A label, empty if it is missing.</summary>
    private static string Present(double label) => double.IsNaN(label) ? "" : CsvCell.Of(label);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
