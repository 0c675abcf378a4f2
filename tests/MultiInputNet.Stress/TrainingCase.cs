using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Stress;

/// <summary>A training of the matrix: phases × averaged weights × early stopping × accumulated batches × balancing.</summary>
internal sealed record TrainingCase(int Phases, bool Averages, bool StopsEarly, int AccumulatedBatches, LossBalancing Balancing)
{
    /// <summary>Every way to balance losses, for tasks one of which is 'table'.</summary>
    public static IReadOnlyList<LossBalancing> Balancings { get; } =
    [
        LossBalancing.Equal,
        LossBalancing.Fixed(new Dictionary<string, double> { ["table"] = 0.5 }),
        LossBalancing.Uncertainty(),
        LossBalancing.DynamicWeightAverage(),
        LossBalancing.GradNorm(),
        LossBalancing.PCGrad(),
        LossBalancing.CAGrad(),
    ];

    /// <summary>All of them in an order that follows from a seed; the first has phases, average and early stopping, which change the weights at a boundary.</summary>
    public static IReadOnlyList<TrainingCase> All(int seed)
    {
        bool[] both = [false, true];
        TrainingCase[] all =
        [
            .. from phases in Enumerable.Range(1, 3)
               from averages in both
               from stopsEarly in both
               from accumulated in Enumerable.Range(1, 2)
               from balancing in Balancings
               select new TrainingCase(phases, averages, stopsEarly, accumulated, balancing),
        ];
        new Random(seed).Shuffle(all);
        var first = all.First(training => training is { Phases: > 1, Averages: true, StopsEarly: true });
        return [first, .. all.Where(training => training != first)];
    }

    public TrainerOptions Options => new()
    {
        Epochs = 5,
        Phases = Phases switch
        {
            1 => [],
            2 => [new(3, Parts.Heads(), Parts.Projections()), new(3, Parts.All, Parts.Base.At(0.5))],
            _ => [new(2, Parts.Heads()), new(2, Parts.Heads(), Parts.LastBaseStages(1)), new(2) { LayerDecay = 0.7 }],
        },
        WeightAverageDecay = Averages ? 0.9 : null,
        EarlyStopping = StopsEarly ? new() { Patience = 2 } : null,
        AccumulatedBatches = AccumulatedBatches,
        Balancing = Balancing,
        LearningRate = 3e-3,
        Seed = 5,
    };

    /// <summary>The epochs with which phases end, where they are not ended early.</summary>
    public IEnumerable<int> PhaseEnds
    {
        get
        {
            var epochs = 0;
            foreach (var phase in Options.Phases)
                yield return epochs += phase.Epochs;
        }
    }

    public static MultiInputModel Build() => MultiInputModel.Define()
        .Input("image", Inputs.Image(2, 8, 8), Projections.Convolution(Normalization.Group, Activation.ReLU))
        .Input("table", Inputs.Tabular(5))
        .Base(Bases.ConvNet(8, 16, 32) with { Normalization = Normalization.Batch })
        .Task("image", Heads.Classification(3, labelSmoothing: 0.1, dropout: 0.2), fusion: Fusions.GlobalAverage())
        .Task("table", Heads.Regression(1, dropout: 0.1))
        .Build(CPU, seed: 1);

    /// <summary>Samples to train on, from memory and read ahead, and others to validate on.</summary>
    public static (DataSource[] Training, DataSource[] Validation) Sources(Action? onValidation)
    {
        using var generator = new Generator(7);
        var (images, table) = Draw(generator, 60, 120);
        var (otherImages, otherTable) = Draw(generator, 40, 40);
        return ([images, new Unbuffered(table, null)], [new Unbuffered(otherImages, onValidation), otherTable]);
    }

    public override string ToString() =>
        $"{Phases} phases, {(Averages ? "" : "no ")}averaged weights, {(StopsEarly ? "" : "no ")}early stopping, {AccumulatedBatches} accumulated batches, {Balancing}";

    private static (TensorSource Images, TensorSource Table) Draw(Generator generator, int imageCount, int rowCount)
    {
        var images = randn(imageCount, 2, 8, 8, generator: generator);
        var rows = randn(rowCount, 5, generator: generator);
        return (
            new("image", images, (images.mean([1, 2, 3]) * 8).clamp(-1, 1).round().to(ScalarType.Int64) + 1) { BatchSize = 16 },
            new("table", rows, rows[.., ..1] - rows[.., 1..2]) { BatchSize = 24 });
    }

    /// <summary>A source that is read ahead on other threads, as those of files are.</summary>
    private sealed class Unbuffered : DataSource
    {
        private readonly TensorSource source;
        private readonly Action? onRead;

        public Unbuffered(TensorSource source, Action? onRead)
            : base(source.Name, source.InputNames, source.Targets)
        {
            (this.source, this.onRead) = (source, onRead);
            BatchSize = source.BatchSize;
        }

        public override InputBatch Read(IReadOnlyList<long> rows)
        {
            onRead?.Invoke();
            return source.Read(rows);
        }
    }
}
