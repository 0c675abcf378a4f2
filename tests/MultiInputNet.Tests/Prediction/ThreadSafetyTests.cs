using System.Globalization;
using MultiInputNet.Tests.Data;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Many threads call one predictor, or one model, and get what one thread gets, to the bit, whatever else the process does meanwhile.</summary>
public abstract class ThreadSafetyTests
{
    private const int ThreadCount = 16;
    private const int Rounds = 2;

    [Fact]
    public async Task Sixteen_threads_get_the_answers_of_one_while_another_model_trains_and_others_are_loaded()
    {
        using var folder = new TemporaryFolder();
        var path = folder["model.safetensors"];
        using var model = Model();
        model.Save(path);
        using var predictor = Load(path);
        var calls = Calls();
        var expected = calls.Select(call => call(predictor)).ToArray();
        expected.Should().OnlyHaveUniqueItems("every call has samples of its own");
        using var start = new Barrier(ThreadCount + 3);
        using var done = new CancellationTokenSource();

        var callers = Enumerable.Range(0, ThreadCount).Select(thread => OnThread(() =>
        {
            for (var i = 0; i < Rounds * calls.Length; i++)
            {
                // Each thread begins with another call, so that different inputs and tasks run side by side.
                var which = (thread + i) % calls.Length;
                calls[which](predictor).Should().Be(expected[which]);
            }
        })).ToArray();
        Task[] others =
        [
            OnThread(() =>
            {
                using var other = TrainingProblem.Build();
                while (!done.IsCancellationRequested)
                    new Trainer(other, TrainingProblem.Options with { Epochs = 1 }).Fit(TrainingProblem.Sources());
            }),
            OnThread(() =>
            {
                while (!done.IsCancellationRequested)
                {
                    using var another = Load(path);
                    calls[0](another).Should().Be(expected[0]);
                }
            }),
            OnThread(() =>
            {
                while (!done.IsCancellationRequested)
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                }
            }),
        ];

        try
        {
            await Task.WhenAll(callers);
        }
        finally
        {
            await done.CancelAsync();
            await Task.WhenAll(others);
        }

        Task OnThread(Action work) => Task.Factory.StartNew(
            () =>
            {
                start.SignalAndWait();
                work();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>What is tested, for a model in a file.</summary>
    protected abstract IPredictor Load(string path);

    /// <summary>Calls with every kind of input, one and several at once, one sample and many; the answers as text with all digits.</summary>
    private static Func<IPredictor, string>[] Calls()
    {
        random.manual_seed(3);
        var samples = Enumerable.Range(0, 4).Select(i => new Dictionary<string, InputValue>
        {
            ["gray"] = rand(1, 12, 12),
            ["scan"] = rand(1, 12, 12),
            ["land"] = rand(4, 12, 12),
            ["signal"] = rand(2, 20),
            ["text"] = randint(9, [8]).to(ScalarType.Int64),
            ["record"] = new Dictionary<string, string?> { ["age"] = i == 2 ? null : $"{20 + i}", ["port"] = i == 1 ? "Q" : "elsewhere" },
        }).ToArray();
        var batch = new Dictionary<string, Tensor> { ["gray"] = rand(7, 1, 12, 12), ["land"] = rand(7, 4, 12, 12), ["scan"] = rand(3, 1, 12, 12) };
        return
        [
            predictor => Text(predictor.Predict(samples[0])),
            predictor => Text(predictor.PredictMany(samples)),
            predictor => Text(predictor.PredictBatch(batch).ToDictionary(answer => answer.Key, answer => answer.Value)),
            predictor => Text(predictor.Predict("gray", samples[1]["gray"])),
            predictor => Text(predictor.Predict("scan", samples[1]["scan"])),
            predictor => Text(predictor.Predict("land", samples[1]["land"])),
            predictor => Text(predictor.Predict("signal", samples[1]["signal"])),
            predictor => Text(predictor.Predict("text", samples[1]["text"])),
            predictor => Text(predictor.Predict("record", samples[2]["record"])),
            predictor => Text(predictor.Predict("joint", Only(samples[3], "gray", "record"))),
            predictor => Text(predictor.Predict("fused", Only(samples[3], "scan", "land", "text"))),
        ];

        static Dictionary<string, InputValue> Only(Dictionary<string, InputValue> sample, params string[] inputs) =>
            inputs.ToDictionary(input => input, input => sample[input]);
    }

    private static string Text(IReadOnlyList<IReadOnlyDictionary<string, Prediction>> many) => string.Join('\n', many.Select(Text));

    private static string Text(IReadOnlyDictionary<string, IReadOnlyList<Prediction>> batch) =>
        string.Join('\n', batch.Select(answers => string.Join('|', answers.Value.Select(Text))));

    private static string Text(IReadOnlyDictionary<string, Prediction> answers) => string.Join('\n', answers.Values.Select(Text));

    private static string Text(Prediction answer) => $"{answer.Task}: " + string.Join(
        ' ',
        (answer.Kind switch
        {
            PredictionKind.Class => answer.Classes.Select(one => one.Probability),
            PredictionKind.Labels => answer.Labels.Select(one => one.Probability),
            _ => answer.Values,
        }).Select(number => number.ToString("R", CultureInfo.InvariantCulture)));

    private static MultiInputModel Model()
    {
        random.manual_seed(1);
        var model = MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 12, 12).StandardizedBy(rand(9, 1, 12, 12)))
            .Input("scan", Inputs.Image(1, 12, 12), Projections.AdaptedStem(StemMethod.Mean))
            .Input("land", Inputs.Image(4, 12, 12), Projections.BandStem("red", "green", "blue", "nir"))
            .Input("signal", Inputs.Sequence(2, 20), Projections.Sequence(normalization: Normalization.Batch, activation: Activation.ReLU))
            .Input("text", Inputs.Tokens(vocabulary: 9, length: 8))
            .Input("record", new TabularInput(2)
            {
                Columns = [new NumericColumn("age") { Fill = 30 }, new CategoricalColumn("port", ["S", "Q"])],
                Mean = [30, 0],
                StandardDeviation = [10, 1],
            })
            .Base(Bases.ConvNet(3, 8, 12) with { Normalization = Normalization.Batch }, perInput: PerInput.Normalization, adapters: Adapters.Parallel)
            .Fusion(Fusions.Attention(heads: 4), shared: true)
            .Task("gray", Heads.Classification(5, hidden: 8, dropout: 0.2))
            .Task("scan", Heads.MultiLabel(3))
            .Task("land", Heads.Classification(4), fusion: Fusions.GlobalAverage())
            .Task("signal", Heads.Regression(2))
            .Task("text", Heads.Classification(3))
            .Task("record", Heads.Regression(1))
            .Task("joint", Heads.Regression(1), from: ["gray", "record"], fusion: Fusions.Sum(Fusions.GlobalMax()))
            .Task("fused", Heads.Classification(3), from: ["scan", "land", "text"])
            .Build(CPU);

        // Adapters start at zero and statistics at 0 and 1: values of their own show whether inputs are mixed up.
        using var noGrad = no_grad();
        foreach (var parameter in model.parameters())
            parameter.add_(randn_like(parameter), alpha: 0.1);
        foreach (var (name, statistics) in model.named_buffers().Where(buffer => buffer.name.EndsWith("running_mean", StringComparison.Ordinal)))
            statistics.add_(randn_like(statistics), alpha: 0.3);
        model.eval();
        return model;
    }
}
