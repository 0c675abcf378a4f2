using MultiInputNet;
using MultiInputNet.Training;
using Spectre.Console;
using static TorchSharp.torch;

/// <summary>
/// What inputs should share of a base's batch normalisation: the accuracy on a fifth of the training rows of QuickStart's four data sets,
/// all projected to maps of 8×8, where their batches are normalised together, each by itself, or each with a normalisation of its own.
/// </summary>
internal static class NormalizationTable
{
    public static Table Measure(int steps, int seeds)
    {
        Samples[] all = [.. DataSet.All.Select(Resized).Select(data => Samples.Load(data, validate: true))];
        var table = new Table().Border(TableBorder.Markdown).AddColumn("input");
        var columns = new List<double[][]>();
        foreach (var (title, perInput, together) in new[]
        {
            ("together", PerInput.Nothing, true),
            ("apart", PerInput.Nothing, false),
            ("PerInput.Statistics", PerInput.Statistics, true),
            ("PerInput.Normalization", PerInput.Normalization, true),
        })
        {
            table.AddColumn(new TableColumn(title).RightAligned());
            columns.Add([.. Enumerable.Range(0, seeds).Select(seed => Accuracies(all, perInput, together, steps, seed))]);
            Console.Error.WriteLine(title);
        }

        foreach (var (i, samples) in all.Index())
            table.AddRow([samples.Data.Name, .. columns.Select(runs => Text(runs.Select(run => run[i])))]);
        return table.AddRow(["mean", .. columns.Select(runs => Text(runs.Select(run => run.Average())))]);
    }

    private static DataSet Resized(DataSet data) => data.Name switch
    {
        "landsat" => data with
        {
            Input = Inputs.Image(4, 8, 8),
            Projection = Projections.Convolution(),
            Arrange = rows => nn.functional.interpolate(data.Arrange(rows), [8, 8], mode: InterpolationMode.Bilinear),
        },
        "dna" => data with { Projection = Projections.Sequence(kernelSize: 11, rows: 8) },
        "letter" => data with { Projection = Projections.Tabular(height: 8, width: 8) },
        _ => data with { Projection = Projections.Convolution() },
    };

    private static double[] Accuracies(Samples[] all, PerInput perInput, bool together, int steps, int seed)
    {
        random.manual_seed(seed);
        var builder = MultiInputModel.Define().Base(Bases.ConvNet(16, 32, 64) with { Normalization = Normalization.Batch }, perInput: perInput);
        foreach (var (data, training, _) in all)
        {
            builder.Input(data.Name, data.Input.StandardizedBy(training.Inputs[data.Name]), data.Projection);
            builder.Task(data.Name, Heads.Classification(data.ClassNames.Length, labelSmoothing: 0.1, dropout: data.Dropout));
        }

        using var model = builder.Build(CPU);
        using var optimizer = optim.AdamW(model.parameters(), weight_decay: 0.05);
        var schedule = LearningRateSchedule.WarmupCosine();
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            foreach (var group in optimizer.ParamGroups)
                group.LearningRate = 3e-3 * schedule.Factor(step, steps);
            var batches = all.ToDictionary(samples => samples.Data.Name, samples => Draw(samples));
            var outputs = together
                ? model.forward(batches.ToDictionary(batch => batch.Key, batch => batch.Value.Samples))
                : batches.ToDictionary(batch => batch.Key, batch => model.forward(batch.Value.Samples, batch.Key));
            optimizer.zero_grad();
            var losses = batches.Select(batch => ((TaskHead)model.Head(batch.Key)).Loss(outputs[batch.Key], batch.Value.Labels));
            losses.Aggregate((sum, loss) => sum + loss).backward();
            optimizer.step();
        }

        var results = new Trainer(model).Evaluate([.. all.Select(samples => samples.Held)]);
        return [.. all.Select(samples => 100 * results[samples.Data.Name].PrimaryValue)];
    }

    private static (Tensor Samples, Tensor Labels) Draw(Samples samples)
    {
        var (data, source, _) = samples;
        var rows = randint(source.Count, [data.BatchSize]).to(ScalarType.Int64);
        var batch = source.Inputs[data.Name].index_select(0, rows);
        return (data.Augment is null ? batch : data.Augment(batch), source.Targets[data.Name].index_select(0, rows));
    }

    private static string Text(IEnumerable<double> values) => $"{values.Average():0.00} ({values.Min():0.00} to {values.Max():0.00})";
}
