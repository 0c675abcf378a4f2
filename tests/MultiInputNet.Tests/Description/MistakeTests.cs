using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Every mistake that a user can make in a description or a batch, and the message that names it and its cure.</summary>
public sealed class MistakeTests
{
    private static readonly InputSpec image = Inputs.Image(1, 8, 8);

    private static MultiInputModelBuilder One(BaseSpec? sharedBase = null, InputSpec? input = null, HeadSpec? head = null, ProjectionSpec? projection = null) =>
        MultiInputModel.Define().Input("a", input ?? image, projection).Base(sharedBase ?? Bases.ConvNet(4, 8)).Task("a", head ?? Heads.Classification(3));

    private static MultiInputModelBuilder Two(FusionSpec fusion, BaseSpec? second = null)
    {
        var builder = MultiInputModel.Define()
            .Input("a", image)
            .Input("b", Inputs.Image(1, 20, 20))
            .Base(Bases.ConvNet(4, 8))
            .Task("t", Heads.Classification(3), from: ["a", "b"], fusion: fusion);
        return second is null ? builder : builder.Base(second, inputs: ["b"]);
    }

    private static BaseSpec Own(int channels, params nn.Module<Tensor, Tensor>[] layers) => Bases.From("own", channels, () => nn.Sequential(layers));

    public static TheoryData<string, ModelComponent, string, MultiInputModelBuilder> Descriptions => new()
    {
        { "no input", ModelComponent.Description, "Model, description: it has no input. Add one with .Input(", MultiInputModel.Define().Base(Bases.ConvNet(4)).Task("a", Heads.Classification(2)) },
        { "no task", ModelComponent.Description, "Model, description: it has no task. Add one with .Task(", MultiInputModel.Define().Input("a", image).Base(Bases.ConvNet(4)) },
        { "no base", ModelComponent.Base, "Input 'a', base: it has no base. Add one for all inputs with .Base(", MultiInputModel.Define().Input("a", image).Task("a", Heads.Classification(2)) },
        { "base of other inputs only", ModelComponent.Base, "Input 'a', base: it has no base.", MultiInputModel.Define().Input("a", image).Input("b", image).Base(Bases.ConvNet(4), inputs: ["b"]).Task("a", Heads.Classification(2)) },
        { "two bases for all", ModelComponent.Base, "Model, base: it has several bases for all inputs. Keep one, and name the inputs of the others", One().Base(Bases.ConvNet(4)) },
        { "two bases for one", ModelComponent.Base, "Input 'a', base: several bases name it. Name it in one of them.", One().Base(Bases.ConvNet(4), inputs: ["a"]).Base(Bases.ConvNet(8), inputs: ["a"]) },
        { "base of no input", ModelComponent.Base, "Base, base: it serves no input. Name the inputs", One().Base(Bases.ConvNet(4), inputs: []) },
        { "base of an unknown input", ModelComponent.Base, "Base of 'z', base: it reads input 'z', which the model does not have. The inputs are 'a'; add it with .Input(\"z\", ...).", One().Base(Bases.ConvNet(4), inputs: ["z"]) },
        { "two inputs of one name", ModelComponent.Description, "Input 'a', description: there are 2 inputs of this name. Give each a different name.", One().Input("a", image) },
        { "two tasks of one name", ModelComponent.Description, "Task 'a', description: there are 2 tasks of this name. Give each a different name.", One().Task("a", Heads.Regression(1)) },
        { "name with a dot", ModelComponent.Description, "Input 'a.b', description: its name cannot be part of a weight's name. Use 1 to 100 letters, digits, '_' and '-'.", One().Input("a.b", image) },
        { "name with a line break at its end", ModelComponent.Description, "its name cannot be part of a weight's name.", One().Input("b\n", image) },
        { "task on a missing input", ModelComponent.Input, "Task 'b', input: it reads input 'b', which the model does not have. The inputs are 'a'; add it with .Input(\"b\", ...).", One().Task("b", Heads.Classification(2)) },
        { "task on no input", ModelComponent.Input, "Task 't', input: it reads no input. Name at least one, or omit 'from'.", One().Task("t", Heads.Classification(2), from: []) },
        { "task on one input twice", ModelComponent.Input, "Task 't', input: it reads input 'a' more than once. Name each input once.", One().Task("t", Heads.Classification(2), from: ["a", "a"]) },
        { "zero classes", ModelComponent.Head, "Task 'a', head: it has 0 classes. Give from 1 to 65,536.", One(head: Heads.Classification(0)) },
        { "zero labels", ModelComponent.Head, "Task 'a', head: it has 0 labels. Give from 1 to", One(head: Heads.MultiLabel(0)) },
        { "negative outputs", ModelComponent.Head, "Task 'a', head: it has -1 outputs. Give from 1 to", One(head: Heads.Regression(-1)) },
        { "class names", ModelComponent.Head, "Task 'a', head: it has 3 classes and 2 class names. Give one name for each class, or none.", One(head: Heads.Classification(3) with { ClassNames = ["x", "y"] }) },
        { "label smoothing", ModelComponent.Head, "Task 'a', head: its label smoothing is 1. Give a share from 0 to below 1.", One(head: Heads.Classification(3, labelSmoothing: 1)) },
        { "head dropout", ModelComponent.Head, "Task 'a', head: its dropout is -0.1. Give a probability from 0 to below 1.", One(head: Heads.Classification(3, dropout: -0.1)) },
        { "hidden layer", ModelComponent.Head, "Task 'a', head: its hidden layer has -3 units. Give a number from 0 (none) to", One(head: Heads.Regression(3, hidden: -3)) },
        { "zero channels", ModelComponent.Input, "Input 'a', input: its shape is (0, 8, 8). Give sizes of 1 to 65,536.", One(input: Inputs.Image(0, 8, 8)) },
        { "huge sample", ModelComponent.Input, "Input 'a', input: a sample of shape (60000, 60000, 60000) has 216,000,000,000,000 values. Give at most", One(input: Inputs.Image(60000, 60000, 60000)) },
        { "vocabulary", ModelComponent.Input, "Input 'a', input: its vocabulary has 0 tokens. Give a number from 1 to", One(input: Inputs.Tokens(0, 5)) },
        { "mean alone", ModelComponent.Input, "Input 'a', input: it has a mean without a standard deviation, or vice versa. Give both, or neither.", One(input: Inputs.Image(1, 8, 8) with { Mean = [0] }) },
        { "means for other channels", ModelComponent.Input, "Input 'a', input: it has 2 means and 1 standard deviations for 1 channels or features.", One(input: Inputs.Image(1, 8, 8) with { Mean = [0, 0], StandardDeviation = [1] }) },
        { "deviation of zero", ModelComponent.Input, "standard deviation is not a finite number above zero. Give finite means and positive deviations", One(input: Inputs.Image(1, 8, 8) with { Mean = [0], StandardDeviation = [0] }) },
        { "mean of tokens", ModelComponent.Input, "Input 'a', input: tokens are numbers of words, for which a mean makes no sense. Leave Mean and StandardDeviation out.", One(input: Inputs.Tokens(5, 5) with { Mean = [0], StandardDeviation = [1] }) },
        { "convolution of a table", ModelComponent.Projection, "Input 'a', projection: A 1×1 convolution does not take tabular input of shape (5). Use Projections.Tabular", One(input: Inputs.Tabular(5), projection: Projections.Convolution()) },
        { "table of an image", ModelComponent.Projection, "Input 'a', projection: A tabular projection does not take image input of shape (1, 8, 8). Use Projections.Convolution", One(projection: Projections.Tabular()) },
        { "sequence of an image", ModelComponent.Projection, "Input 'a', projection: A sequence projection does not take image input of shape (1, 8, 8).", One(projection: Projections.Sequence()) },
        { "grid", ModelComponent.Projection, "Input 'a', projection: its grid has 0×4 cells. Give a height and width of at least 1, such as 4×4.", One(input: Inputs.Tabular(5), projection: Projections.Tabular(height: 0)) },
        { "even kernel", ModelComponent.Projection, "Input 'a', projection: its kernel size is 4. Give an odd number of at least 1.", One(input: Inputs.Sequence(2, 9), projection: Projections.Sequence(kernelSize: 4)) },
        { "stride", ModelComponent.Projection, "Input 'a', projection: its stride is 10. Give a number from 1 to 9.", One(input: Inputs.Sequence(2, 9), projection: Projections.Sequence(stride: 10)) },
        { "rows", ModelComponent.Projection, "Input 'a', projection: it folds 9 steps into 10 rows. Give 1 to 9 rows.", One(input: Inputs.Sequence(2, 9), projection: Projections.Sequence(rows: 10)) },
        { "projection to other channels", ModelComponent.Projection, "Input 'a', projection: (1, 1, 8, 8) becomes (1, 5, 8, 8), and the base takes (1, 4, height, width). Let the projection give a map of 4 channels.", One(projection: Projections.From("own", (_, _) => nn.Conv2d(1, 5, kernel_size: 1L))) },
        { "projection of another shape", ModelComponent.Projection, "Input 'a', projection: its projection cannot take (1, 1, 8, 8): ", One(projection: Projections.From("own", (_, _) => nn.Conv2d(2, 4, kernel_size: 1L))) },
        { "projection that throws", ModelComponent.Projection, "Input 'a', projection: it cannot be made: no such luck. Fix the module's constructor or its factory.", One(projection: Projections.From("own", (_, _) => throw new InvalidOperationException("no such luck."))) },
        { "base of zero channels", ModelComponent.Base, "Base, base: it takes 0 channels. Give from 1 to 65,536.", One(Bases.ConvNet(0)) },
        { "base of zero width", ModelComponent.Base, "Base, base: its stages have widths (8, 0). Give from 1 to 100 stages, each of 1 to", One(Bases.ConvNet(4, 8, 0)) },
        { "base of zero depth", ModelComponent.Base, "Base, base: its depth is 0. Give from 1 to 1,000 convolutions per stage.", One(Bases.ConvNet(4, 8) with { Depth = 0 }) },
        { "base that takes other channels", ModelComponent.Base, "Input 'a', base: the base cannot take its map of (1, 4, 8, 8): ", One(Own(4, nn.Conv2d(5, 6, kernel_size: 1L))) },
        { "map pooled to nothing", ModelComponent.Base, "or where its poolings leave nothing of the map, a larger input or grid, or fewer poolings.", One(Own(4, nn.MaxPool2d(2), nn.MaxPool2d(2)), Inputs.Image(1, 3, 3)) },
        { "base that returns a vector", ModelComponent.Base, "Input 'a', base: the base turns (1, 4, 8, 8) into (1, 256), which is neither a feature map nor tokens. Let it return (batch, channels, height, width) or (batch, tokens, channels): remove its pooling to a vector, flattening and classifier.", One(Own(4, nn.Flatten())) },
        { "base that mixes the batch up", ModelComponent.Base, "which is neither a feature map nor tokens.", One(Own(4, nn.Flatten(0, 1))) },
        { "module used twice", ModelComponent.Base, "This module already belongs to a model; give Bases.From a factory", Used() },
        { "heads", ModelComponent.Fusion, "Task 'a', fusion: 3 heads do not divide the 8 channels of the base's map. Use one of 1, 2, 4, 8 heads.", One().Fusion(Fusions.Attention(3)) },
        { "zero heads", ModelComponent.Fusion, "Task 'a', fusion: 0 heads do not divide the 8 channels", One().Fusion(Fusions.Attention(0)) },
        { "attention dropout", ModelComponent.Fusion, "Task 'a', fusion: its dropout is 1. Give a probability from 0 to below 1.", One().Fusion(Fusions.Attention(2, dropout: 1)) },
        { "one-input fusion of two", ModelComponent.Fusion, "Task 't', fusion: Flatten takes one input, but the task has 2. Use Fusions.Concat(each: Fusions.Flatten()), or Sum, Mean or Attention.", Two(Fusions.Flatten()) },
        { "sum of lengths that differ", ModelComponent.Fusion, "Task 't', fusion: Sum needs vectors of the same length, but the maps 8×4×4, 8×10×10 give 128, 800 features. Use Fusions.GlobalAverage() for each", Two(Fusions.Sum(Fusions.Flatten())) },
        { "attention over two widths", ModelComponent.Fusion, "Task 't', fusion: attention needs features with the same number of channels, but the maps 8×4×4, 6×10×10 have 8, 6. Use one base for these inputs, or Fusions.Concat().", Two(Fusions.Attention(2), Bases.ConvNet(4, 6)) },
        { "fusion that gives a map", ModelComponent.Fusion, "Task 'a', fusion: 8×4×4 becomes (1, 8, 4, 4), which is no vector per sample. Let the fusion give (batch, features).", One().Fusion(Fusions.From("own", (MapShape _) => nn.Identity())) },
        { "head that takes other features", ModelComponent.Head, "Task 'a', head: its head cannot take (1, 128): ", One(head: Heads.From("own", _ => nn.Linear(5, 3))) },
        { "more weights than a machine holds", ModelComponent.Base, "Base, base: with its 38,654,705,664 weights the model has more than 10,000,000,000. Make its sizes smaller.", One(Bases.ConvNet(65_536, 65_536)) },
    };

    private static MultiInputModelBuilder Used()
    {
        var builder = One(Bases.From(nn.Conv2d(4, 8, kernel_size: 1L), channels: 4));
        builder.Build(CPU);
        return builder;
    }

    [Theory]
    [MemberData(nameof(Descriptions))]
    public void A_wrong_description_fails_in_Build_with_its_cure(string mistake, ModelComponent component, string message, MultiInputModelBuilder builder)
    {
        var thrown = builder.Invoking(b => b.Build(CPU)).Should().Throw<MultiInputException>(mistake).Which;

        thrown.Message.Should().Contain(message);
        thrown.Component.Should().Be(component);
        thrown.Cure.Should().NotBeEmpty();
    }

    public static TheoryData<string, ModelComponent, string, Action<MultiInputModel>> Batches => new()
    {
        { "unknown task", ModelComponent.Description, "Task 'z', description: the model has no such task. Name one of 'a', 'both', 'tags', 'words', 'pair-class'.", m => m.forward(zeros(2, 3, 8, 8), "z") },
        { "input of several tasks", ModelComponent.Description, "Task 'pair', description: it is an input that 2 tasks read. Name one of 'tags', 'pair-class'.", m => m.forward(zeros(2, 4), "pair") },
        { "wrong channel count", ModelComponent.Input, "Input 'a', input: the batch has shape (2, 1, 8, 8) but the input is declared as (batch, 3, 8, 8). Give that shape, or declare this one.", m => m.forward(zeros(2, 1, 8, 8), "a") },
        { "no batch dimension", ModelComponent.Input, "Input 'a', input: the batch has shape (3, 8, 8) but the input is declared as (batch, 3, 8, 8). Add the batch dimension with .unsqueeze(0).", m => m.forward(zeros(3, 8, 8), "a") },
        { "scalar", ModelComponent.Input, "Input 'a', input: the batch has shape () but", m => m.forward(zeros([]), "a") },
        { "empty batch", ModelComponent.Input, "Input 'a', input: the batch (0, 3, 8, 8) is empty. Give at least one sample.", m => m.forward(zeros(0, 3, 8, 8), "a") },
        { "double precision", ModelComponent.Input, "Input 'a', input: the batch is of type Float64, but Float32 is needed. Convert it with .to(ScalarType.Float32).", m => m.forward(zeros(2, 3, 8, 8, dtype: ScalarType.Float64), "a") },
        { "tokens as floats", ModelComponent.Input, "Input 'words', input: the batch is of type Float32, but Int64 is needed.", m => m.forward(zeros(2, 6), "words") },
        { "token beyond the vocabulary", ModelComponent.Input, "Input 'words', input: the tokens run from 0 to 50. With a vocabulary of 50 they run from 0 to 49.", m => m.forward(tensor(new long[] { 0, 1, 2, 3, 4, 50 }).view(1, 6), "words") },
        { "another device", ModelComponent.Input, "Input 'a', input: the batch is on meta, but the model is on cpu. Move one of them: .to(model.Device).", m => m.forward(zeros([2, 3, 8, 8], device: META), "a") },
        { "unknown input", ModelComponent.Input, "Input 'z', input: the model has no such input. Its inputs are 'a', 'pair', 'words'.", m => m.forward(new Dictionary<string, Tensor> { ["z"] = zeros(2, 4) }) },
        { "empty dictionary", ModelComponent.Input, "Model, input: no task reads an empty dictionary. Give all inputs of a task: ", m => m.forward(new Dictionary<string, Tensor>()) },
        { "one tensor for two inputs", ModelComponent.Input, "Task 'both', input: it reads 'a', 'pair', but a single tensor was given. Call forward with a dictionary of its inputs.", m => m.forward(zeros(2, 3, 8, 8), "both") },
        { "a missing input", ModelComponent.Input, "Task 'both', input: its input 'pair' is missing. Give 'a', 'pair'.", m => m.forward(new Dictionary<string, Tensor> { ["a"] = zeros(2, 3, 8, 8) }, ["both"]) },
        { "batches of two sizes", ModelComponent.Input, "Task 'both', input: its inputs 'a', 'pair' have batches of 2, 3. A task with several inputs takes them sample by sample", m => m.forward(new Dictionary<string, Tensor> { ["a"] = zeros(2, 3, 8, 8), ["pair"] = zeros(3, 4) }) },
        { "labels of another type", ModelComponent.Target, "Labels, target: they are Float32 of shape (2). Class labels are Int64 of shape (batch)", m => ((TaskHead)m.Head("a")).Loss(zeros(2, 5), zeros(2)) },
        { "label beyond the classes", ModelComponent.Target, "Labels, target: the largest is 5 and the head has 5 classes. Labels run from 0 to 4", m => ((TaskHead)m.Head("a")).Loss(zeros(2, 5), tensor(new long[] { 0, 5 })) },
        { "multi-label of another width", ModelComponent.Target, "Labels, target: they are Float32 of shape (2, 4). Labels of this head are floating-point numbers from 0 to 1 of shape (batch, 3)", m => ((TaskHead)m.Head("tags")).Loss(zeros(2, 3), zeros(2, 4)) },
        { "multi-label above one", ModelComponent.Target, "Labels, target: one is below 0 or above 1. Give 0 for no, 1 for yes, NaN for a missing label.", m => ((TaskHead)m.Head("tags")).Loss(zeros(2, 3), full(2, 3, 2f)) },
        { "regression labels as integers", ModelComponent.Target, "Labels, target: they are Int64 of shape (2, 1). Labels of this head are floating-point numbers of shape (batch, 1)", m => ((TaskHead)m.Head("both")).Loss(zeros(2, 1), zeros(2, 1, dtype: ScalarType.Int64)) },
    };

    [Theory]
    [MemberData(nameof(Batches))]
    public void A_wrong_batch_fails_at_once_with_its_cure(string mistake, ModelComponent component, string message, Action<MultiInputModel> run)
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(3, 8, 8))
            .Input("pair", Inputs.Tabular(4))
            .Input("words", Inputs.Tokens(50, 6))
            .Base(Bases.ConvNet(4, 8))
            .Task("a", Heads.Classification(5))
            .Task("both", Heads.Regression(1), from: ["a", "pair"])
            .Task("tags", Heads.MultiLabel(3), from: ["pair"])
            .Task("words", Heads.Classification(2))
            .Task("pair-class", Heads.Classification(2), from: ["pair"])
            .Build(CPU);

        var thrown = model.Invoking(run).Should().Throw<MultiInputException>(mistake).Which;

        thrown.Message.Should().Contain(message);
        thrown.Component.Should().Be(component);
    }

    [Fact]
    public void A_format_or_a_row_that_is_null_is_a_mistake_of_its_caller()
    {
        var table = new TabularInput(1) { Columns = [new NumericColumn("x")] };

        FluentActions.Invoking(() => new TableOptions { Format = null! }).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => new TableSchema(table, [new("y")]) { Format = null! }).Should().Throw<ArgumentException>();
        table.Invoking(input => input.Encode([null!])).Should().Throw<ArgumentException>().WithMessage("Row 0 is null*");
    }

    [Fact]
    public void A_batch_of_large_whole_numbers_is_not_sent_through_Float32()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define().Input("a", Inputs.Tabular(1)).Base(Bases.ConvNet(2)).Task("a", Heads.Classification(2)).Build(CPU);

        model.Invoking(m => m.forward(arange(1_700_000_000, 1_700_000_002, ScalarType.Int64).view(2, 1), "a")).Should().Throw<MultiInputException>()
            .WithMessage("Input 'a', input: the batch is of type Int64, but Float32 is needed. Convert it with .to(ScalarType.Float64).");
    }

    [Fact]
    public void A_tensor_that_is_not_there_is_named()
    {
        using var scope = NewDisposeScope();
        var model = One(Bases.ConvNet(2, 3), Inputs.Image(1, 4, 4)).Build(CPU);
        var gone = zeros(1, 1, 4, 4);
        gone.Dispose();

        model.Invoking(m => m.forward(null!, "a")).Should().Throw<ArgumentException>();
        model.Invoking(m => m.forward(null!, 0)).Should().Throw<ArgumentException>();
        model.Invoking(m => m.forward(null!)).Should().Throw<ArgumentException>();
        model.Invoking(m => m.forward_features(null!)).Should().Throw<ArgumentException>();
        foreach (var (tensor, problem) in new[] { (null!, "its batch is null."), (gone, "its batch was disposed of.") })
        {
            var batch = new Dictionary<string, Tensor> { ["a"] = tensor };
            foreach (var run in new Action<MultiInputModel>[] { m => m.forward(batch), m => m.forward(batch, ["a"]), m => m.forward_features(batch) })
                model.Invoking(run).Should().Throw<MultiInputException>().WithMessage($"Input 'a', input: {problem} *").Where(e => e.Component == ModelComponent.Input);
        }

        model.Invoking(m => m.forward(gone, "a")).Should().Throw<MultiInputException>();
        model.Dispose();
        model.Invoking(m => m.forward(zeros(1, 1, 4, 4), "a")).Should().Throw<ObjectDisposedException>();
        model.Invoking(m => m.forward_features(new Dictionary<string, Tensor> { ["a"] = zeros(1, 1, 4, 4) })).Should().Throw<ObjectDisposedException>();
    }

    [Theory]
    [InlineData("""{ "inputs": [], "bases": [], "tasks": [], "surprise": 1 }""")]
    [InlineData("""{ "inputs": [{ "name": "a", "spec": { "type": "hologram" } }], "bases": [], "tasks": [] }""")]
    [InlineData("""{ "inputs": null, "bases": [], "tasks": [] }""")]
    [InlineData("""{ "inputs": [], "bases": [] }""")]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("[")]
    public void JSON_that_is_no_description_is_refused(string json) =>
        FluentActions.Invoking(() => ModelDescription.FromJson(json)).Should().Throw<MultiInputException>()
            .WithMessage("Model description, description: the JSON cannot be read: *Give a text written by ToJson.");

    [Fact]
    public void A_module_of_ones_own_is_asked_for_when_its_description_is_read()
    {
        var description = One(Own(4, nn.Identity())).Describe();

        FluentActions.Invoking(() => ModelDescription.FromJson(description.ToJson()).Build(CPU)).Should().Throw<MultiInputException>()
            .WithMessage("Base, base: it is a module of your own, 'own', of which a file holds only the name. Pass its factory when reading: customModules: *[\"own\"] = *");
        FluentActions.Invoking(() => ModelDescription.FromJson(description.ToJson(), new Dictionary<string, Delegate> { ["own"] = () => 3 }))
            .Should().Throw<MultiInputException>().WithMessage("*The factory given for 'own'*");
    }

    [Fact]
    public void A_normalisation_that_the_base_does_not_continue_is_warned_of()
    {
        using var lonely = One(projection: Projections.Convolution(Normalization.Batch)).Build(CPU);
        lonely.Warnings.Should().ContainSingle().Which.Should().StartWith("Input 'a': its projection normalises but the base has no normalisation after it");
        lonely.Summary().Should().Contain("warning: Input 'a'");

        using var doubled = One(Own(4, nn.BatchNorm2d(4), nn.Conv2d(4, 4, kernel_size: 1L)), projection: Projections.Convolution(Normalization.Batch)).Build(CPU);
        doubled.Warnings.Should().ContainSingle().Which.Should().Contain("ends with a normalisation and the base begins with one");

        using var sound = One(Bases.ConvNet(4, 8) with { Normalization = Normalization.Group }, projection: Projections.Convolution(Normalization.Group, Activation.ReLU)).Build(CPU);
        sound.Warnings.Should().BeEmpty();
    }
}
