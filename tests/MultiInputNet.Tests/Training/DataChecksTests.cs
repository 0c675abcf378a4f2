using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

public sealed class DataChecksTests
{
    private const int Classes = 3;

    [Fact]
    public void Sound_data_has_no_warning()
    {
        var (images, labels) = Images(90);
        var (held, heldLabels) = Images(30);

        var (history, model) = Fit(Inputs.Image(2, 4, 4), images, labels, held, heldLabels);

        using var _ = model;
        history.Warnings.Should().BeEmpty();
        model.Warnings.Should().BeEmpty();
    }

    [Fact]
    public void Raw_pixels_without_standardisation_are_noticed_in_the_history_the_progress_and_the_model()
    {
        var (images, labels) = Images(90);
        var reported = new List<string>();
        const string Warning = "Input 'x': its values go from 0 to 255 and are not standardised, which trains badly. Describe it with .StandardizedBy(training samples), or scale it to about 0 to 1.";
        images = (images * 256).floor();
        images[0, 0, 0, 0] = 0;
        images[0, 0, 0, 1] = 255;

        var (history, model) = Fit(Inputs.Image(2, 4, 4), images, labels, progress: new Now(step => reported.AddRange(step.Warnings)));

        using var _ = model;
        history.Warnings.Should().Equal(Warning);
        model.Warnings.Should().Equal(Warning);
        model.Summary().Should().Contain("are not standardised");
        reported.Should().Equal([Warning], "a warning is reported once");
        Warnings(Inputs.Image(2, 4, 4).StandardizedBy(images), images, labels).Should().BeEmpty();
    }

    [Fact]
    public void Samples_of_another_scale_than_the_standardisation_are_noticed()
    {
        var (images, labels) = Images(90);

        Warnings(Inputs.Image(2, 4, 4).StandardizedBy(images), images * 255, labels)
            .Should().ContainSingle().Which.Should().Contain("which does not match the mean and deviation with which it is standardised");
        Warnings(Inputs.Image(2, 4, 4).StandardizedBy(images * 255), images, labels)
            .Should().ContainSingle().Which.Should().StartWith("Input 'x': its values are standardised and differ by 0.00");
    }

    [Fact]
    public void Columns_of_a_huge_range_and_constant_ones_are_noticed()
    {
        var (rows, labels) = (randn(90, 4), arange(90) % Classes);
        rows[.., 1] = 1.7e9f + arange(90) * 1000;
        rows[.., 3] = 2;

        Warnings(Inputs.Tabular(4), rows, labels).Should().SatisfyRespectively(
            first => first.Should().StartWith("Input 'x': the values of column 1 go from 1.7E+09 to 1.7E+09 and are not standardised"),
            second => second.Should().Be("Input 'x': the values of column 3 are the same in all 90 samples checked, and carry no information."));
        Warnings(Inputs.Tabular(4), zeros(90, 4), labels).Should().Equal("Input 'x': its values are the same in all 90 samples checked, and carry no information.");
    }

    [Fact]
    public void Classes_with_one_sample_or_none_and_labels_of_one_class_are_noticed()
    {
        var (images, labels) = Images(90);
        labels[labels == 2] = 0;

        Warnings(Inputs.Image(2, 4, 4), images, labels).Should().Equal("Task 'x': 1 of its 3 classes have no training sample and cannot be learned: 'owl'.");
        labels[7] = 2;
        Warnings(Inputs.Image(2, 4, 4), images, labels).Should().Equal("Task 'x': 1 of its 3 classes have a single training sample: 'owl'. Add samples, or remove the classes.");
        Warnings(Inputs.Image(2, 4, 4), images, ones(90, dtype: ScalarType.Int64))
            .Should().Equal("Task 'x': all its 90 training labels are 'dog', so there is nothing to distinguish.");
    }

    [Fact]
    public void A_small_validation_and_classes_that_it_lacks_are_noticed()
    {
        var (images, labels) = Images(90);
        var (held, heldLabels) = Images(1);

        Warnings(Inputs.Image(2, 4, 4), images, labels, held, heldLabels).Should().Equal(
            "Task 'x': its validation set has 1 labelled sample, too few for its metrics to mean much.",
            "Task 'x': 2 of its 3 classes are not in the validation set: 'dog', 'owl'.");
        (held, heldLabels) = Images(30);
        heldLabels[5..] = -1;
        Warnings(Inputs.Image(2, 4, 4), images, labels, held, heldLabels).Should().Equal("Task 'x': its validation set has 5 labelled samples, too few for its metrics to mean much.");
    }

    [Fact]
    public void A_target_that_never_changes_and_a_source_smaller_than_its_batch_are_noticed()
    {
        using var model = Model(Inputs.Image(2, 4, 4), Heads.Regression(2));
        var targets = randn(20, 2);
        targets[.., 1] = 7;

        new Trainer(model, new() { Epochs = 1 }).Fit([new TensorSource("x", Images(20).Samples, targets)]).Warnings.Should().Equal(
            "Task 'x': its output 1 is 7 in all 20 training samples, so there is nothing to learn.",
            "Source 'x' has 20 samples, fewer than its batch size of 64: every step takes all of them.");
    }

    [Fact]
    public void Validation_on_training_samples_is_noticed_and_equal_rows_of_small_tables_are_not()
    {
        var (images, labels) = Images(90);
        var (held, heldLabels) = Images(30);
        held[..10] = images[40..50];

        Warnings(Inputs.Image(2, 4, 4), images, labels, held, heldLabels).Should().Equal(
            "Validation source 'held': 10 of the 30 samples checked are training samples too, so that its metrics say little about new ones.");
        var bits = randint(2, [200, 3]).to(ScalarType.Float32);
        Warnings(Inputs.Tabular(3), bits[..150], arange(150) % Classes, bits[150..], arange(50) % Classes).Should().BeEmpty();
    }

    [Fact]
    public void Samples_in_files_are_compared_by_a_few()
    {
        using var folder = new Data.TemporaryFolder();
        folder.Write("rows.csv", "a,b,class\n" + string.Concat(Enumerable.Range(0, 200).Select(row => $"{row},{row * 7 % 31},{(row % 2 == 0 ? "even" : "odd")}\n")));
        var schema = TableSchema.Infer(folder["rows.csv"], ["class"]);
        var source = new CsvSource("x", schema, folder["rows.csv"]);
        var (training, validation) = source.Split(0.2, seed: 1);
        using var model = Model(schema.Input, schema.Head);
        IReadOnlyList<string> WarningsOf(DataSource trained, DataSource held) => new Trainer(model, new() { Epochs = 1 }).Fit([trained], [held]).Warnings;

        WarningsOf(training, validation).Should().BeEmpty();
        WarningsOf(source, source).Should().ContainSingle().Which.Should().StartWith("Validation source 'x': ");
    }

    private static (Tensor Samples, Tensor Labels) Images(int count) => (rand(count, 2, 4, 4), arange(count) % Classes);

    private static MultiInputModel Model(InputSpec input, HeadSpec head) =>
        MultiInputModel.Define().Input("x", input).Base(Bases.ConvNet(4, 4)).Task("x", head).Build(CPU);

    private static IReadOnlyList<string> Warnings(InputSpec input, Tensor samples, Tensor labels, Tensor? held = null, Tensor? heldLabels = null)
    {
        var (history, model) = Fit(input, samples, labels, held, heldLabels);
        using (model)
            return history.Warnings;
    }

    private static (TrainingHistory History, MultiInputModel Model) Fit(
        InputSpec input, Tensor samples, Tensor labels, Tensor? held = null, Tensor? heldLabels = null, IProgress<TrainingProgress>? progress = null)
    {
        var model = Model(input, new ClassificationSpec(Classes) { ClassNames = ["cat", "dog", "owl"] });
        TensorSource[]? validation = held is null ? null : [new("held", new Dictionary<string, Tensor> { ["x"] = held }, new Dictionary<string, Tensor> { ["x"] = heldLabels! })];
        return (new Trainer(model, new() { Epochs = 1, LearningRate = 1e-6 }).Fit([new TensorSource("x", samples, labels)], validation, progress), model);
    }
}
