using System.Diagnostics;
using MultiInputNet.Data;
using MultiInputNet.Training;
using MultiInputNet.Tests.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>What metrics cost grows with the samples and the classes, not with pairs of classes.</summary>
public sealed class ManyClassesTests
{
    private const int Many = 65_536;

    [Fact]
    public void Metrics_of_65536_classes_take_little_time_and_memory()
    {
        using var scope = NewDisposeScope();
        var output = zeros(64, Many);
        var target = arange(64, ScalarType.Int64) * 1000;
        output[0, 0] = 1;
        output[1, 7] = 1;
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var clock = Stopwatch.StartNew();

        var metrics = new ClassificationMetrics(Many);
        for (var i = 0; i < 100; i++)
        {
            metrics.Update(output, target);
            metrics.PrimaryValue.Should().BeApproximately(1.0 / 64, 1e-12);
        }

        // A table of pairs is 34 GB. 100 argmaxes of 64 rows take a second or so.
        (GC.GetTotalAllocatedBytes(precise: true) - before).Should().BeLessThan(20 << 20);
        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30));
        metrics.Confusions(1000, 7).Should().Be(100);
        metrics.Confusions(65000, 3).Should().Be(0);
        metrics.Compute()["balanced_accuracy"].Should().BeApproximately(1.0 / 64, 1e-12);
    }

    [Fact]
    public void A_training_with_65536_classes_reports_each_step()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define().Input("t", Inputs.Tabular(4)).Base(Bases.ConvNet(2, 4)).Fusion(Fusions.GlobalAverage())
            .Task("t", Heads.Classification(Many)).Build(CPU);
        var steps = new List<TrainingProgress>();

        var before = GC.GetTotalAllocatedBytes(precise: true);
        new Trainer(model, new() { Epochs = 1, BatchSize = 4 }).Fit(
            [new TensorSource("t", randn(40, 4), randint(Many, [40]).to(ScalarType.Int64))], progress: new Now(steps.Add));

        steps.Should().HaveCount(10);
        steps.Should().OnlyContain(step => step.Metrics.ContainsKey("t"));
        (GC.GetTotalAllocatedBytes(precise: true) - before).Should().BeLessThan(100 << 20);
    }

    [Fact]
    public void Labels_of_65536_outputs_are_standardised_in_little_time()
    {
        using var scope = NewDisposeScope();
        using var head = new RegressionHead(features: 1, outputs: Many);
        var columns = arange(Many, ScalarType.Float64);
        var target = columns.unsqueeze(0) + tensor(new double[] { -1, 0, 1, double.NaN }).unsqueeze(1);
        var clock = Stopwatch.StartNew();

        head.StandardizeTargets(target);

        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(15));
        head.TargetMean.Should().Equal(columns.data<double>().ToArray());
        head.TargetDeviation.Should().OnlyContain(deviation => Math.Abs(deviation - Math.Sqrt(2.0 / 3)) < 1e-12);
    }

    [Fact]
    public void Counts_are_those_of_a_table_of_pairs()
    {
        using var scope = NewDisposeScope();
        var (labels, outputs) = (randint(6, [500]).to(ScalarType.Int64) - 1, randn(500, 5));
        var metrics = new ClassificationMetrics(5);
        metrics.Update(outputs[..300], labels[..300]);
        metrics.Update(outputs[300..], labels[300..]);

        var table = new double[5, 5];
        foreach (var (label, prediction) in labels.data<long>().ToArray().Zip(outputs.argmax(1).data<long>().ToArray()))
        {
            if (label >= 0)
                table[label, prediction]++;
        }

        var classes = Enumerable.Range(0, 5).ToArray();
        double Row(int c) => classes.Sum(p => table[c, p]);
        double Column(int p) => classes.Sum(c => table[c, p]);
        var values = metrics.Compute();
        values["accuracy"].Should().BeApproximately(classes.Sum(c => table[c, c]) / classes.Sum(Row), 1e-12);
        values["balanced_accuracy"].Should().BeApproximately(classes.Average(c => table[c, c] / Row(c)), 1e-12);
        values["macro_f1"].Should().BeApproximately(classes.Average(c => 2 * table[c, c] / (Row(c) + Column(c))), 1e-12);
        foreach (var (row, column) in classes.SelectMany(row => classes.Select(column => (row, column))))
            metrics.Confusions(row, column).Should().Be((long)table[row, column]);
        metrics.Invoking(m => m.Confusions(5, 0)).Should().Throw<ArgumentOutOfRangeException>();
        metrics.Invoking(m => m.Confusions(0, -1)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Replacing_classes_copies_all_at_once()
    {
        using var scope = NewDisposeScope();
        const int Classes = 20_000;
        var names = Enumerable.Range(0, Classes).Select(i => $"{i}").ToArray();
        using var model = MultiInputModel.Define().Input("t", Inputs.Tabular(4)).Base(Bases.ConvNet(2, 4)).Fusion(Fusions.GlobalAverage())
            .Task("t", Heads.Classification(Classes) with { ClassNames = names }).Build(CPU);

        using var changed = model.ReplaceClasses("t", [.. names.Skip(1).Reverse(), "new"]);

        var (old, now) = (model.state_dict()["output_layers.t.layers.linear.weight"], changed.state_dict()["output_layers.t.layers.linear.weight"]);
        now[0].ShouldBeSame(old[Classes - 1]);
        now[Classes - 2].ShouldBeSame(old[1]);
    }
}
