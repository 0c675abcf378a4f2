using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Predictions from raw samples, by a <see cref="MultiInputModel"/> as by a <see cref="Predictor"/>.</summary>
public static class PredictorExtensions
{
    /// <summary>The answer of a task that reads one input.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="sample">The sample: a tensor, a row, numbers; with the package MultiInputNet.Images an image.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="MultiInputException">There is no such task, it reads several inputs, or the sample does not fit.</exception>
    public static Prediction Predict(this IPredictor predictor, string task, InputValue sample)
    {
        ArgumentNullException.ThrowIfNull(sample);
        var (name, input) = OnlyInput(predictor, task);
        return predictor.Predict(name, new Dictionary<string, InputValue> { [input] = sample });
    }

    /// <summary>The answer of a task that reads several inputs.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task.</param>
    /// <param name="sample">The sample of each input by its name.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="MultiInputException">There is no such task, an input is missing or unknown, or a sample does not fit.</exception>
    public static Prediction Predict(this IPredictor predictor, string task, IReadOnlyDictionary<string, InputValue> sample)
    {
        var name = FindTask(predictor, task).Name;
        return Run(predictor, [sample], [name])[0][name];
    }

    /// <summary>The answers of every task whose inputs are all given.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="sample">The sample of each input by its name.</param>
    /// <returns>The answer of each task by its name.</returns>
    /// <exception cref="MultiInputException">An input is unknown, a sample does not fit, or no task can run.</exception>
    public static IReadOnlyDictionary<string, Prediction> Predict(this IPredictor predictor, IReadOnlyDictionary<string, InputValue> sample) =>
        Run(predictor, [sample], tasks: null)[0];

    /// <summary>The answers of a task that reads one input, for many samples.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="samples">The samples.</param>
    /// <returns>The answer for each sample, in their order.</returns>
    /// <exception cref="MultiInputException">There is no such task, it reads several inputs, or a sample does not fit.</exception>
    public static IReadOnlyList<Prediction> PredictMany(this IPredictor predictor, string task, IEnumerable<InputValue> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        var (name, input) = OnlyInput(predictor, task);
        return predictor.PredictMany(name, samples.Select(sample => new Dictionary<string, InputValue> { [input] = sample }));
    }

    /// <summary>The answers of a task that reads one table, for many rows.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="rows">For each, the text of each column by its name; null if it is missing.</param>
    /// <returns>The answer for each row, in their order.</returns>
    /// <exception cref="MultiInputException">There is no such task, it does not read one table, or a row does not fit.</exception>
    public static IReadOnlyList<Prediction> PredictRows(this IPredictor predictor, string task, IEnumerable<IReadOnlyDictionary<string, string?>> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return predictor.PredictMany(task, rows.Select(InputValue.Row));
    }

    /// <summary>The answers of a task that reads one input, for a batch.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="batch">The samples, <c>(batch, ...)</c>.</param>
    /// <returns>The answer for each sample, in their order.</returns>
    /// <exception cref="MultiInputException">There is no such task, it reads several inputs, or the batch does not fit.</exception>
    public static IReadOnlyList<Prediction> PredictMany(this IPredictor predictor, string task, Tensor batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (name, input) = OnlyInput(predictor, task);
        return predictor.PredictBatch(new Dictionary<string, Tensor> { [input] = batch }, [name])[name];
    }

    /// <summary>The answers of a task that reads several inputs, for many samples.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task.</param>
    /// <param name="samples">For each, the sample of each input by its name.</param>
    /// <returns>The answer for each sample, in their order.</returns>
    /// <exception cref="MultiInputException">There is no such task, an input is missing or unknown, or a sample does not fit.</exception>
    public static IReadOnlyList<Prediction> PredictMany(this IPredictor predictor, string task, IEnumerable<IReadOnlyDictionary<string, InputValue>> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        var name = FindTask(predictor, task).Name;
        return [.. samples.Chunk(predictor.BatchSize).SelectMany((chunk, number) => Run(predictor, chunk, [name], number * predictor.BatchSize)).Select(answers => answers[name])];
    }

    /// <summary>The answers of every task whose inputs are all given, for many samples.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="samples">For each, the sample of each input by its name; not all need to have the same inputs.</param>
    /// <returns>For each sample, the answer of each task by its name, in the order of the samples.</returns>
    /// <exception cref="MultiInputException">An input is unknown, a sample does not fit, or no task can run on one.</exception>
    public static IReadOnlyList<IReadOnlyDictionary<string, Prediction>> PredictMany(
        this IPredictor predictor, IEnumerable<IReadOnlyDictionary<string, InputValue>> samples)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        ArgumentNullException.ThrowIfNull(samples);
        return [.. samples.Chunk(predictor.BatchSize).SelectMany((chunk, number) => Run(predictor, chunk, tasks: null, number * predictor.BatchSize))];
    }

    /// <summary>Answers for the samples of a source, batch by batch, reading ahead; labels are not used.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="source">The samples, with or without labels.</param>
    /// <param name="tasks">The tasks to run; every task whose inputs the source has when null.</param>
    /// <param name="cancellationToken">Ends the pass between two batches.</param>
    /// <returns>The answers for each sample that can be read, in the order of the source. They are computed while they are enumerated.</returns>
    /// <exception cref="MultiInputException">
    /// A sample is broken and is not to be skipped, none can be read, or the samples do not fit.
    /// </exception>
    public static IEnumerable<SamplePredictions> Predict(
        this IPredictor predictor, DataSource source, IReadOnlyCollection<string>? tasks = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        ArgumentNullException.ThrowIfNull(source);
        return Pass();

        IEnumerable<SamplePredictions> Pass()
        {
            using var runner = new BatchRunner(source);
            foreach (var batch in runner.Pass(predictor.BatchSize, cancellationToken))
            {
                var answers = Answer(batch);
                foreach (var (index, row) in batch.Rows.Index())
                    yield return new(row, answers.ToDictionary(answer => answer.Key, answer => answer.Value[index]));
            }

            runner.CheckRead();
        }

        IReadOnlyDictionary<string, IReadOnlyList<Prediction>> Answer(InputBatch batch)
        {
            try
            {
                return predictor.PredictBatch(batch.Inputs, tasks);
            }
            catch (MultiInputException)
            {
                // Found again alone, the sample that cannot be answered can be named.
                foreach (var (index, row) in batch.Rows.Index())
                {
                    using var scope = NewDisposeScope();
                    try
                    {
                        predictor.PredictBatch(batch.Inputs.ToDictionary(input => input.Key, input => input.Value.narrow(0, index, 1)), tasks);
                    }
                    catch (MultiInputException e)
                    {
                        throw new MultiInputException($"source '{source.Name}', {source.NameOf(row)}, {e.Subject}", e.Component, e.Problem, e.Cure, e);
                    }
                }

                throw;
            }
        }
    }

    /// <summary>Runs samples, those with the same inputs together.</summary>
    private static IReadOnlyDictionary<string, Prediction>[] Run(
        IPredictor predictor, IReadOnlyDictionary<string, InputValue>[] samples, IReadOnlyList<string>? tasks, int first = 0)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        using var scope = NewDisposeScope();
        var specs = predictor.Description.Inputs.ToDictionary(input => input.Name, input => input.Spec);
        var results = new IReadOnlyDictionary<string, Prediction>[samples.Length];
        var encoded = samples.Select((sample, index) => Encode(sample, index)).ToArray();
        foreach (var together in encoded.Index().GroupBy(sample => string.Join('\n', sample.Item.Keys.Order(StringComparer.Ordinal))).Select(group => group.ToArray()))
        {
            var inputs = together[0].Item.Keys.ToDictionary(name => name, name => cat([.. together.Select(sample => sample.Item[name])]));
            var answers = predictor.PredictBatch(inputs, tasks);
            foreach (var (index, sample) in together.Index())
                results[sample.Index] = answers.ToDictionary(answer => answer.Key, answer => answer.Value[index]);
        }

        return results;

        Dictionary<string, Tensor> Encode(IReadOnlyDictionary<string, InputValue> sample, int index)
        {
            var subject = samples.Length > 1 || first > 0 ? $"sample {first + index}, " : "";
            var values = new Dictionary<string, Tensor>();
            foreach (var (name, value) in sample ?? throw new ArgumentException($"Sample {first + index} is null; give its inputs by their names.", nameof(samples)))
            {
                if (!specs.TryGetValue(name, out var spec))
                    throw new MultiInputException($"{subject}input '{name}'", ModelComponent.Input, "the model has no such input.", $"Its inputs are {Shapes.Names(specs.Keys)}.");
                if (value is null)
                    throw new MultiInputException($"{subject}input '{name}'", ModelComponent.Input, "its sample is null.", "Give a value, or leave the input out.");
                try
                {
                    values.Add(name, value.Encode(name, spec));
                }
                catch (MultiInputException e) when (subject.Length > 0)
                {
                    throw new MultiInputException(subject + e.Subject, e.Component, e.Problem, e.Cure, e);
                }
            }

            return values;
        }
    }

    private static (string Task, string Input) OnlyInput(IPredictor predictor, string task)
    {
        var found = FindTask(predictor, task);
        return DescriptionChecks.Sources(found) is [var input] ? (found.Name, input) : throw new MultiInputException(
            $"task '{task}'",
            ModelComponent.Input,
            $"it reads {Shapes.Names(DescriptionChecks.Sources(found))}, but a single sample was given.",
            "Give a dictionary with a sample of each.");
    }

    /// <summary>The task of a name, or the only one that reads the input of that name on its own.</summary>
    private static TaskDescription FindTask(IPredictor predictor, string task)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        ArgumentNullException.ThrowIfNull(task);
        var tasks = predictor.Description.Tasks;
        if (tasks.Any(described => described.Name == task))
            return predictor.Description.Task(task);
        var readers = tasks.Where(described => DescriptionChecks.Sources(described) is [var only] && only == task).ToArray();
        return readers is [var reader] ? reader : predictor.Description.Task(task);
    }
}
