using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Runs a model in evaluation mode over all samples of some sources and measures every task.</summary>
internal static class Evaluation
{
    /// <param name="model">The model; its mode is afterwards as before.</param>
    /// <param name="sources">Sources that fit the model.</param>
    /// <param name="batchSize">Samples that go through the model at once; chosen by <see cref="BatchRunner.BatchSize(int)"/> when null.</param>
    /// <param name="options">What to find besides the metrics; the metrics alone when null.</param>
    /// <param name="cancellationToken">Ends the evaluation between two batches.</param>
    /// <returns>The evaluation of each task by its name.</returns>
    public static IReadOnlyDictionary<string, TaskEvaluation> Run(
        MultiInputModel model, IReadOnlyList<DataSource> sources, int? batchSize, EvaluationOptions? options, CancellationToken cancellationToken)
    {
        var tallies = sources.SelectMany(source => source.Targets.Keys).Distinct()
            .ToDictionary(task => task, task => new EvaluationTally(task, model.TaskHead(task), options is null ? null : new(task, model.TaskHead(task), model.Description.Task(task).Head, options.KeepPredictions)));
        var wasTraining = model.training;
        model.eval();
        try
        {
            using var noGrad = no_grad();
            foreach (var source in sources)
                Run(model, source, batchSize, tallies, cancellationToken);
        }
        finally
        {
            model.train(wasTraining);
        }

        return tallies.ToDictionary(pair => pair.Key, pair => pair.Value.Result());
    }

    private static void Run(
        MultiInputModel model, DataSource source, int? batchSize, Dictionary<string, EvaluationTally> tallies, CancellationToken cancellationToken)
    {
        using var runner = new BatchRunner(source, model);
        var read = 0L;
        foreach (var batch in runner.Pass(batchSize ?? runner.BatchSize(BatchRunner.MostSamples), cancellationToken))
        {
            read += batch.Rows.Count;
            var outputs = model.forward(batch.Inputs, source.Targets.Keys);
            foreach (var task in source.Targets.Keys)
                tallies[task].Add(source, batch.Rows, outputs[task], runner.Labels(task, batch.Rows));
        }

        runner.CheckRead();
        foreach (var task in source.Targets.Keys)
            tallies[task].CheckFinite(source.Name, read);
    }
}
