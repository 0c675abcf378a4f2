using System.Globalization;
using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>What the sections of a report have in common: the model, the samples, and what was measured on them.</summary>
internal sealed class ReportContext
{
    /// <summary>Of more samples, predictions are kept of as many, evenly spaced.</summary>
    public const int MostPredictions = 20_000;

    private readonly Lazy<IReadOnlyDictionary<string, TaskEvaluation>> evaluations;
    private readonly Dictionary<string, ImageScale> scales = [];
    private IReadOnlyList<DataSource> evaluated; // the sources of the predictions
    private IReadOnlyDictionary<string, TaskEvaluation> some = new Dictionary<string, TaskEvaluation>();

    public ReportContext(MultiInputModel model, IReadOnlyList<DataSource> data, ReportOptions options, CancellationToken cancellationToken)
    {
        (Model, Data, Options, CancellationToken) = (model, data, options, cancellationToken);
        if (data.Contains(null!))
            throw new ArgumentException("One of the sources is null.", nameof(data));
        foreach (var input in options.Composites.Keys)
        {
            if (model.Description.Inputs.FirstOrDefault(described => described.Name == input)?.Spec is not ImageInput)
                throw new ArgumentException($"A composite is given for '{input}', which is not an image input of the model; its image inputs are {Shapes.Names(model.Description.Inputs.Where(its => its.Spec is ImageInput).Select(its => its.Name))}.", nameof(options));
            CompositeOf(input);
        }

        foreach (var source in data)
        {
            foreach (var input in source.InputNames.Where(name => model.Description.Inputs.All(described => described.Name != name)))
                throw new MultiInputException($"source '{source.Name}'", ModelComponent.Input, $"it has samples of '{input}', and the model has no such input.", $"Its inputs are {Shapes.Names(model.Description.Inputs.Select(described => described.Name))}.");
        }

        HeadsOfUsers = [.. model.Routes.Where(route => route.Head is not TaskHead).Select(route => route.Task)];
        Labelled = [.. data.Select(Measurable).OfType<DataSource>()];
        evaluated = Labelled;
        evaluations = new(Evaluate);
    }

    public MultiInputModel Model { get; }

    public IReadOnlyList<DataSource> Data { get; }

    /// <summary>The tasks whose heads know neither a loss nor metrics: modules of the user's own that are no <see cref="TaskHead"/>.</summary>
    public IReadOnlyList<string> HeadsOfUsers { get; }

    /// <summary>The sources with labels of tasks that can be measured.</summary>
    public IReadOnlyList<DataSource> Labelled { get; }

    public ReportOptions Options { get; }

    public CancellationToken CancellationToken { get; }

    /// <summary>The evaluation of each task that has labels, by its name.</summary>
    public IReadOnlyDictionary<string, TaskEvaluation> Evaluations => evaluations.Value;

    /// <summary>The gradients that tasks put on the base, once they were measured.</summary>
    public TaskGradients? Gradients { get; set; }

    /// <summary>Whether <see cref="Evaluations"/> have the predictions of some samples only.</summary>
    public bool KeepsSome => Labelled.Sum(source => source.Count) > MostPredictions;

    /// <summary>
    /// A scope in which the model can be run without a trace, in evaluation mode, and in which whatever is drawn at random is the same every
    /// time.
    /// </summary>
    public IDisposable Quiet()
    {
        var random = GlobalRandom.Seeded(0, Model.Device);
        try
        {
            var undisturbed = new Undisturbed(Model, gradients: false);
            return new AtEnd(() =>
            {
                undisturbed.Dispose();
                random.Dispose();
            });
        }
        catch
        {
            random.Dispose();
            throw;
        }
    }

    /// <summary>The predictions of a task, of all samples or of some.</summary>
    public IReadOnlyList<EvaluatedSample> PredictionsOf(string task) => KeepsSome && Evaluations.ContainsKey(task) ? some[task].Predictions : Evaluations[task].Predictions;

    /// <summary>The inputs of a sample that was evaluated, each with a batch dimension of 1; null if it cannot be read any more.</summary>
    public IReadOnlyDictionary<string, Tensor>? Read(EvaluatedSample sample) =>
        evaluated.First(source => source.Name == sample.Source).Read([sample.Row]) is { Rows.Count: 1, Inputs: var inputs } ? inputs : null;

    /// <summary>Some rows of a source, evenly spaced from its first.</summary>
    public static long[] Spaced(long count, long most)
    {
        var kept = Math.Min(count, most);
        return [.. Enumerable.Range(0, (int)kept).Select(number => (long)((Int128)number * count / kept))];
    }

    /// <summary>How the pixels of an image input become colours: the same for all its samples.</summary>
    public ImageScale ScaleOf(string input)
    {
        if (!scales.TryGetValue(input, out var scale))
        {
            scale = ImageScale.Find(Insight.ChannelNames(Model, TaskCall.PathOf(Model, input)), CompositeOf(input), SomeSamples());
            scales.Add(input, scale);
        }

        return scale;

        IEnumerable<Tensor> SomeSamples()
        {
            foreach (var source in Data.Where(source => source.InputNames.Contains(input)))
            {
                foreach (var rows in Spaced(source.Count, ImageScale.Samples).Chunk(16))
                {
                    using var scope = NewDisposeScope();
                    var batch = source.Read(rows);
                    if (batch.Rows.Count > 0)
                        yield return batch.Inputs[input];
                }
            }
        }
    }

    /// <summary>The channels that the user chose for an image input; null if none.</summary>
    private int[]? CompositeOf(string input)
    {
        var names = Insight.ChannelNames(Model, TaskCall.PathOf(Model, input));
        return Options.Composites.GetValueOrDefault(input)?.Select(Number).ToArray();

        int Number(string band) => names.Index().FirstOrDefault(its => its.Item == band, (Index: -1, Item: "")).Index switch
        {
            >= 0 and var index => index,
            _ when int.TryParse(band, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < names.Count => number,
            _ => throw new ArgumentException($"The composite of input '{input}' names band '{band}', which it does not have; its bands are {Shapes.Names(names)}."),
        };
    }

    /// <summary>A source with the labels of tasks that can be measured; null if it has none.</summary>
    private DataSource? Measurable(DataSource source)
    {
        string[] tasks = [.. source.Targets.Keys.Where(task => !HeadsOfUsers.Contains(task))];
        return tasks.Length == source.Targets.Count ? tasks.Length > 0 ? source : null
            : tasks.Length == 0 ? null : new TaskSource(source, tasks, source.InputNames);
    }

    private IReadOnlyDictionary<string, TaskEvaluation> Evaluate()
    {
        if (Labelled.Count == 0)
            return new Dictionary<string, TaskEvaluation>();
        using var quiet = Quiet();
        var trainer = new Trainer(Model);
        var all = trainer.Evaluate(Labelled, new() { KeepPredictions = !KeepsSome }, CancellationToken);
        if (!KeepsSome)
            return all;

        // Spread over the sources by their sizes.
        var total = Labelled.Sum(source => source.Count);
        evaluated = [.. Labelled.Select(source => source.Subset(Spaced(source.Count, Math.Max(1, (long)((Int128)source.Count * MostPredictions / total)))))];
        some = trainer.Evaluate(evaluated, new() { KeepPredictions = true }, CancellationToken);
        return all;
    }
}
