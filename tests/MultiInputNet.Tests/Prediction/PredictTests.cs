using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Tests.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Typed answers from raw samples, compared with what forward gives, by hand; for each that answers.</summary>
public abstract class PredictTests : IDisposable
{
    private static readonly string[] Tags = ["red", "round"];
    private static readonly string[] Species = ["setosa", "versicolor", "virginica"];

    private readonly TemporaryFolder folder = new();
    private readonly List<IPredictor> predictors = [];

    public void Dispose()
    {
        predictors.ForEach(predictor => predictor.Dispose());
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void A_class_comes_with_its_name_and_the_softmax_of_the_output()
    {
        using var model = Model();
        var predictor = Open(model);
        var photo = rand(3, 8, 8);

        var answer = predictor.Predict("species", photo);

        var expected = Softmax(model.forward(photo.unsqueeze(0), "species"));
        answer.Kind.Should().Be(PredictionKind.Class);
        answer.Classes.Select(one => one.Probability).Should().BeEquivalentTo(expected, Near);
        answer.ClassIndex.Should().Be(Array.IndexOf(expected, expected.Max()));
        answer.ClassName.Should().Be(Species[answer.ClassIndex]);
        answer.Probability.Should().BeApproximately(expected.Max(), 1e-6);
        answer.Top(2).Select(one => one.Name).Should().Equal(expected.Index().OrderByDescending(one => one.Item).Take(2).Select(one => Species[one.Index]));
        answer.ToString().Should().StartWith($"{answer.ClassName} (0.");
    }

    [Fact]
    public void Labels_come_with_their_names_and_the_sigmoid_of_the_output()
    {
        using var model = Model();
        var predictor = Open(model);
        var photo = rand(1, 3, 8, 8);

        var answer = predictor.Predict("tags", photo);

        var expected = Numbers(model.forward(photo, "tags")).Select(logit => 1 / (1 + Math.Exp(-logit))).ToArray();
        answer.Labels.Select(label => label.Name).Should().Equal(Tags);
        answer.Labels.Select(label => label.Probability).Should().BeEquivalentTo(expected, Near);
        answer.PresentLabels.Should().Equal(Tags.Where((_, i) => expected[i] > 0.5));
    }

    [Fact]
    public void Values_come_in_their_own_unit()
    {
        using var model = Model();
        model.Head<RegressionHead>("weight").SetTargetStatistics([70], [12]);
        var predictor = Open(model);

        var answer = predictor.Predict("weight", new Dictionary<string, InputValue>
        {
            ["photo"] = rand(3, 8, 8),
            ["record"] = new Dictionary<string, string?> { ["age"] = "30", ["port"] = "S", ["name"] = "ignored" },
        });

        answer.Value.Should().BeInRange(70 - 60, 70 + 60).And.NotBeInRange(-1, 1);
        answer.Values.Should().Equal(answer.Value);
        answer.Unit.Should().Be("kg");
        answer.ToString().Should().EndWith(" kg");
    }

    [Fact]
    public void Everything_that_the_given_inputs_allow_is_answered()
    {
        using var model = Model();
        var predictor = Open(model);
        var photo = rand(3, 8, 8);

        predictor.Predict(new Dictionary<string, InputValue> { ["photo"] = photo }).Keys.Should().BeEquivalentTo("species", "tags");
        predictor.Predict(new Dictionary<string, InputValue> { ["photo"] = photo, ["record"] = Row("1", "S") }).Keys
            .Should().BeEquivalentTo("species", "tags", "weight", "class");
        predictor.PredictMany([new Dictionary<string, InputValue> { ["photo"] = photo }, new Dictionary<string, InputValue> { ["record"] = Row("1", "S") }])
            .Select(answers => string.Join(' ', answers.Keys)).Should().Equal("species tags", "class");
    }

    [Fact]
    public void Many_samples_are_answered_in_their_order()
    {
        using var model = Model();
        var predictor = Open(model);
        var photos = rand(5, 3, 8, 8);
        var expected = Enumerable.Range(0, 5).Select(i => model.Predict("species", photos[i]).Probability).ToArray();

        predictor.PredictMany("species", photos).Select(answer => answer.Probability).Should().BeEquivalentTo(expected, Near);
        predictor.PredictMany("species", Enumerable.Range(0, 5).Select(i => (InputValue)photos[i])).Select(answer => answer.Probability).Should().BeEquivalentTo(expected, Near);
        predictor.PredictMany("class", [Row("1", "S"), Row(null, "Q")]).Should().HaveCount(2);
        predictor.PredictRows("class", new List<Dictionary<string, string?>> { Row("1", "S") }).Should().HaveCount(1);
    }

    [Fact]
    public void Rows_without_labels_are_answered_with_the_schema_of_the_model()
    {
        using var model = Model();
        var predictor = Open(model);
        var path = folder.Write("new.csv", "port,age\nS,30\nQ,\nX,12\n");
        var input = model.Description.Input<TabularInput>("record");

        var answers = predictor.Predict(new CsvSource("record", new TableSchema(input, []), path)).ToArray();

        answers.Select(answer => answer.Row).Should().Equal(0, 1, 2);
        answers.Select(answer => answer["class"].Probability).Should().BeEquivalentTo(
            new[] { Row("30", "S"), Row(null, "Q"), Row("12", "X") }.Select(row => model.Predict("class", InputValue.Row(row)).Probability), Near);
    }

    [Fact]
    public void Numbers_are_taken_row_by_row_and_tokens_are_whole()
    {
        using var model = MultiInputModel.Define()
            .Input("text", Inputs.Tokens(vocabulary: 9, length: 3))
            .Input("signal", Inputs.Sequence(features: 2, length: 3))
            .Base(Bases.ConvNet(channels: 4))
            .Task("text", Heads.Classification(2))
            .Task("signal", Heads.Regression(1))
            .Build(CPU);
        model.eval();
        var predictor = Open(model);
        var signal = tensor(new[] { 1f, 2, 3, 4, 5, 6 }, 2, 3);

        predictor.Predict("text", new long[] { 1, 8, 0 }).Probability.Should().Be(predictor.Predict("text", tensor(new long[] { 1, 8, 0 })).Probability);
        predictor.Predict("signal", new[] { 1.0, 2, 3, 4, 5, 6 }).Value.Should().Be(predictor.Predict("signal", signal).Value);
        var act = () => predictor.Predict("text", new[] { 1, 2.5, 0 });
        act.Should().Throw<MultiInputException>().WithMessage("*'text'*whole*");
    }

    [Fact]
    public void A_sample_of_a_source_that_cannot_be_answered_is_named()
    {
        using var model = Model();
        var predictor = Open(model);
        var photos = rand(20, 3, 8, 8);
        photos[17].fill_(float.NaN);

        var act = () => predictor.Predict(new TensorSource("photo", photos)).Count();

        act.Should().Throw<MultiInputException>().WithMessage("Source 'photo', sample 17, task 'species'*not finite*");
    }

    [Fact]
    public void Images_are_taken_from_a_path_a_stream_or_bytes()
    {
        using var model = Model();
        var predictor = Open(model);
        var path = Path.Combine(AppContext.BaseDirectory, "Fixtures", "files", "images", "rgb.png");
        var bytes = File.ReadAllBytes(path);
        using var decoded = ImageFiles.Read(model.Description.Input<ImageInput>("photo"), path);
        var expected = predictor.Predict("species", decoded).Probability;

        predictor.Predict("species", path).Probability.Should().Be(expected);
        predictor.Predict("species", bytes).Probability.Should().Be(expected);
        using (var stream = File.OpenRead(path))
            predictor.Predict("species", stream).Probability.Should().Be(expected);
        predictor.PredictMany("species", [path, path]).Should().HaveCount(2);
        predictor.Predict(new Dictionary<string, InputValue> { ["photo"] = ImageValue.FromBytes(bytes) })["species"].Probability.Should().Be(expected);
    }

    [Fact]
    public void The_answers_are_those_of_the_model()
    {
        using var model = Model();
        var predictor = Open(model);
        var photo = rand(3, 8, 8);

        predictor.Description.Should().Be(model.Description);
        predictor.Predict("species", photo).Classes.Select(one => one.Probability)
            .Should().BeEquivalentTo(model.Predict("species", photo).Classes.Select(one => one.Probability), Near);
    }

    [Theory]
    [InlineData("no task", "*'colour'*species*")]
    [InlineData("several inputs", "*'weight'*photo*record*dictionary*")]
    [InlineData("unknown input", "*'scan'*no such input*photo*")]
    [InlineData("wrong shape", "*'photo'*(3, 9, 9)*(3, 8, 8)*")]
    [InlineData("wrong count", "*'photo'*4 numbers*192*")]
    [InlineData("row for an image", "*'photo'*row of texts*image*")]
    [InlineData("image for a row", "*'record'*image*tabular*")]
    [InlineData("missing column", "*'record'*'port' is missing*")]
    [InlineData("no number", "*'record'*'old'*not a number*")]
    [InlineData("second sample", "*sample 1*'photo'*(3, 9, 9)*")]
    [InlineData("not finite", "*'species'*sample 0*not finite*")]
    [InlineData("one value not finite", "*'species'*sample 0*not finite*")]
    [InlineData("no image", "*'photo'*image*")]
    [InlineData("another kind of answer", "*'tags'*not a class*Labels*")]
    public void Mistakes_are_named(string mistake, string message)
    {
        using var model = Model();
        var predictor = Open(model);
        Action act = mistake switch
        {
            "no task" => () => predictor.Predict("colour", rand(3, 8, 8)),
            "several inputs" => () => predictor.Predict("weight", rand(3, 8, 8)),
            "unknown input" => () => predictor.Predict(new Dictionary<string, InputValue> { ["scan"] = rand(3, 8, 8) }),
            "wrong shape" => () => predictor.Predict("species", rand(3, 9, 9)),
            "wrong count" => () => predictor.Predict("species", new[] { 1f, 2, 3, 4 }),
            "row for an image" => () => predictor.Predict("species", new Dictionary<string, string?> { ["age"] = "1" }),
            "image for a row" => () => predictor.Predict("class", new byte[] { 1 }),
            "missing column" => () => predictor.Predict("class", new Dictionary<string, string?> { ["age"] = "1" }),
            "no number" => () => predictor.Predict("class", InputValue.Row(Row("old", "S"))),
            "second sample" => () => predictor.PredictMany("species", [rand(3, 8, 8), rand(3, 9, 9)]),
            "not finite" => () => predictor.Predict("species", full([3, 8, 8], float.NaN)),
            "one value not finite" => () => predictor.Predict("species", where(arange(192).view(3, 8, 8) == 100, float.NaN, 0.5f)),
            "no image" => () => predictor.Predict("species", new byte[] { 1, 2, 3 }),
            _ => () => _ = predictor.Predict("tags", rand(3, 8, 8)).ClassName,
        };

        act.Should().Throw<MultiInputException>().WithMessage(message);
    }

    /// <summary>What is tested, for a model in a file.</summary>
    protected abstract IPredictor Load(string path);

    private IPredictor Open(MultiInputModel model)
    {
        var path = folder["model.safetensors"];
        model.Save(path);
        var predictor = Load(path);
        predictors.Add(predictor);
        return predictor;
    }

    private static FluentAssertions.Equivalency.EquivalencyAssertionOptions<double> Near(FluentAssertions.Equivalency.EquivalencyAssertionOptions<double> options) =>
        options.WithStrictOrdering().Using<double>(pair => pair.Subject.Should().BeApproximately(pair.Expectation, 1e-6)).WhenTypeIs<double>();

    private static Dictionary<string, string?> Row(string? age, string? port) => new() { ["age"] = age, ["port"] = port };

    private static double[] Numbers(Tensor output) => output.to(ScalarType.Float64).data<double>().ToArray();

    private static double[] Softmax(Tensor output)
    {
        var exponentials = Numbers(output).Select(Math.Exp).ToArray();
        return [.. exponentials.Select(value => value / exponentials.Sum())];
    }

    private protected static MultiInputModel Model()
    {
        var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 8, width: 8))
            .Input("record", new TabularInput(2)
            {
                Columns = [new NumericColumn("age") { Fill = 30 }, new CategoricalColumn("port", ["S", "Q"])],
                Mean = [30, 0],
                StandardDeviation = [10, 1],
            })
            .Base(Bases.ConvNet(channels: 4, 8))
            .Task("species", new ClassificationSpec(3) { ClassNames = Species }, from: ["photo"])
            .Task("tags", Heads.MultiLabel(2) with { LabelNames = Tags }, from: ["photo"])
            .Task("weight", Heads.Regression(1) with { Unit = "kg" }, from: ["photo", "record"], fusion: Fusions.Concat())
            .Task("class", Heads.Classification(2), from: ["record"])
            .Build(CPU, seed: 3);
        model.eval();
        return model;
    }
}
