using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests;

/// <summary>Reports at the edges of what there can be.</summary>
internal static class EdgeReports
{
    /// <summary>A report with most kinds of advice.</summary>
    public static void WriteAdvised(string path)
    {
        var generator = new Generator(3);
        const int Count = 80;
        string[] years = [.. Enumerable.Range(1990, 20).Select(year => $"{year}")];
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(1, 12, 12))
            .Input("scan", Inputs.Image(1, 12, 12) with { Mean = [100], StandardDeviation = [50] })
            .Input("customer", Inputs.Tabular(new NumericColumn("number"), new NumericColumn("age")))
            .Input("silent", Inputs.Tabular(3))
            .Base(Bases.ConvNet(4, 8))
            .Task("year", Heads.Classification(20) with { ClassNames = years }, from: ["photo"])
            .Task("good", Heads.Classification(2), from: ["scan"])
            .Task("bad", Heads.Classification(2), from: ["scan"])
            .Task("customer", Heads.Classification(2))
            .Task("silent", Heads.Classification(2))
            .Build(CPU, seed: 1);
        using (no_grad())
        {
            foreach (var (from, to) in model.Head("good").parameters().Zip(model.Head("bad").parameters()))
                to.copy_(from);
            foreach (var parameter in model.Head("silent").parameters())
                parameter.zero_();
        }

        var half = arange(Count, ScalarType.Int64) % 2;
        DataSource[] sources =
        [
            Source("photos", "photo", (rand([Count, 1, 12, 12], generator: generator) * 255).floor(), ("year", arange(Count, ScalarType.Int64) % 20)),
            Source("scans", "scan", randn([Count, 1, 12, 12], generator: generator), ("good", half), ("bad", 1 - half)),
            Source("customers", "customer", stack([arange(Count) + 1000.0, randn([Count], generator: generator)], 1), ("customer", half)),
            Source("rows", "silent", randn([Count, 3], generator: generator), ("silent", half)),
        ];
        EpochResult Epoch(int number, double training, double validation) => new()
        {
            Epoch = number, Phase = 1, Step = number * 10, LearningRate = 1e-3, Losses = new Dictionary<string, double> { ["customer"] = training }, EpochsSeen = new Dictionary<string, double> { ["customers"] = number },
            Validation = new Dictionary<string, TaskEvaluation>
            {
                ["customer"] = new() { Loss = validation, Metrics = new Dictionary<string, double> { ["accuracy"] = 0.7 }, Primary = "accuracy", HigherIsBetter = true, Count = Count, Score = 0.7 },
            },
        };
        var history = new TrainingHistory
        {
            Epochs = [Epoch(1, 0.6, 0.5), Epoch(2, 0.4, 0.55), Epoch(3, double.NaN, double.NaN), Epoch(4, 0.1, 0.9)],
            Warnings = ["Source 'rows': its values are far from those of the others. Standardise them."],
        };
        Insight.Report(model, sources, path, new() { Title = "With advice", History = history });
    }

    /// <summary>A report of 120 classes with long names of every script, a task with one class, and one whose labels are all missing.</summary>
    public static void WriteMany(string path)
    {
        var generator = new Generator(3);
        const int Count = 360;
        string[] names = [.. Enumerable.Range(0, 120).Select(number => $"{number} {Odd(number)}")];
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 12, 12))
            .Input("row", Inputs.Tabular([.. Enumerable.Range(0, 40).Select(number => new NumericColumn($"{number} {Odd(number)}"))]))
            .Input("lone", Inputs.Tabular(1))
            .Base(Bases.ConvNet(4, 8))
            .Task("photo", Heads.Classification(120) with { ClassNames = names })
            .Task("row", Heads.MultiLabel(100) with { LabelNames = names[..100] })
            .Task("lone", Heads.Classification(2))
            .Task("unlabelled", Heads.Regression(3) with { OutputNames = names[..3], Unit = Odd(2) }, from: ["row"])
            .Build(CPU, seed: 1);
        DataSource[] sources =
        [
            Source(Odd(0), "photo", rand([Count, 3, 12, 12], generator: generator), ("photo", arange(Count, ScalarType.Int64) % 120)),
            Source(Odd(3), "row", randn([Count, 40], generator: generator), ("row", rand([Count, 100], generator: generator).round()), ("unlabelled", full([Count, 3], double.NaN, ScalarType.Float32))),
            Source("one class", "lone", randn([20, 1], generator: generator), ("lone", ones(20, ScalarType.Int64))),
        ];
        Insight.Report(model, sources, path, new() { Title = $"Many classes {Odd(1)}" });
    }

    /// <summary>300 characters of markup, quotes, emoji, letters from right to left, or a word without a break.</summary>
    private static string Odd(int number) => string.Concat(Enumerable.Repeat(
        (number % 4) switch { 0 => "<script>window.hacked=1</script>\"'&", 1 => "😀👩‍👩‍👧 e\u0301 ", 2 => "مرحبا بالعالم ", _ => "Donaudampfschifffahrt" }, 40))[..296];

    private static TensorSource Source(string name, string input, Tensor samples, params (string Task, Tensor Labels)[] labels) => new(
        name, new Dictionary<string, Tensor> { [input] = samples }, labels.ToDictionary(its => its.Task, its => its.Labels));
}
