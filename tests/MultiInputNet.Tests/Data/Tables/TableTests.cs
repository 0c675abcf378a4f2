using System.IO.Compression;
using System.Text;
using MultiInputNet.Data;
using static MultiInputNet.Tests.Data.TemporaryFolder;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

public sealed class TableTests : IDisposable
{
    private const string Passengers = """"
        name,age,port,fare,survived
        "Ann, A.",30,S,7.5,yes
        "Bob ""B""",NA,C,8.5,no
        Cy,40,,9.5,yes
        "Dee
        of Q",50,S,,no
        """";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Columns_their_statistics_and_classes_are_learned()
    {
        var schema = TableSchema.Infer(folder.Write("train.csv", Passengers), ["survived"], new() { Ignore = ["name"] });

        schema.Input.Columns.Should().SatisfyRespectively(
            age => age.Should().BeOfType<NumericColumn>().Which.Fill.Should().Be(40),
            port => port.Should().BeOfType<CategoricalColumn>().Which.Categories.Should().Equal("C", "S"),
            fare => fare.Should().BeOfType<NumericColumn>().Which.Fill.Should().Be(8.5));
        schema.Input.Mean.Should().Equal(40, 0, 8.5);
        schema.Input.StandardDeviation.Should().Equal(Math.Sqrt(200.0 / 3), 1, Math.Sqrt(2.0 / 3));
        schema.Targets.Single().ClassNames.Should().Equal("no", "yes");
        schema.Head.Should().BeOfType<ClassificationSpec>().Which.ClassNames.Should().Equal("no", "yes");
    }

    [Fact]
    public void A_source_holds_raw_numbers_and_the_numbers_of_categories()
    {
        using var scope = NewDisposeScope();
        var train = folder.Write("train.csv", Passengers);
        var schema = TableSchema.Infer(train, ["survived"], new() { Ignore = ["name"] });
        var test = folder.Write("test.csv", "survived,extra,fare,port,age\nno,x,1.5,Q,20\nNA,,2.5,C,\n");

        new CsvSource("passenger", schema, train).Samples.data<double>().ToArray().Should().Equal(
            30, 2, 7.5, double.NaN, 1, 8.5, 40, 0, 9.5, 50, 2, double.NaN);
        var source = new CsvSource("passenger", schema, test);
        source.Samples.data<double>().ToArray().Should().Equal(20, 0, 1.5, double.NaN, 1, 2.5);
        source.Targets["passenger"].data<long>().ToArray().Should().Equal(0, -1);
        source.Read([1]).Inputs["passenger"].data<double>().ToArray().Should().Equal(double.NaN, 1, 2.5);
    }

    [Fact]
    public void A_loaded_model_takes_raw_rows()
    {
        using var scope = NewDisposeScope();
        var train = folder.Write("train.csv", Passengers);
        var schema = TableSchema.Infer(train, ["survived"], new() { Ignore = ["name"], MissingIndicators = true });
        using var model = MultiInputModel.Define()
            .Input("passenger", schema.Input)
            .Base(Bases.ConvNet(channels: 4))
            .Task("passenger", schema.Head)
            .Build(CPU);
        model.Save(folder["model.safetensors"]);
        using var loaded = MultiInputModel.Load(folder["model.safetensors"], CPU);

        var input = loaded.Description.Input<TabularInput>("passenger");
        var row = input.Encode(new Dictionary<string, string?> { ["age"] = null, ["port"] = " C ", ["fare"] = "8.5", ["name"] = "Bob" });

        loaded.Description.Should().Be(model.Description);
        var expected = model.forward(new CsvSource("passenger", schema, train).Read([1]).Inputs["passenger"], "passenger");
        expected.isfinite().all().item<bool>().Should().BeTrue();
        loaded.forward(row, "passenger").data<float>().ToArray().Should().Equal(expected.data<float>().ToArray());
    }

    [Fact]
    public void The_model_puts_the_fill_value_in_the_place_of_a_missing_number()
    {
        using var scope = NewDisposeScope();
        var input = Inputs.Tabular(new NumericColumn("age") { Fill = 35 }, new NumericColumn("fare")) with { Mean = [30, 2], StandardDeviation = [10, 4] };
        using var model = MultiInputModel.Define().Input("row", input).Base(Bases.ConvNet(channels: 4)).Task("row", Heads.Regression(1)).Build(CPU);

        var missing = model.forward(tensor([float.NaN, 1f]).view(1, 2), "row");

        missing.item<float>().Should().Be(model.forward(tensor([35f, 1f]).view(1, 2), "row").item<float>());
        missing.item<float>().Should().NotBe(model.forward(tensor([30f, 1f]).view(1, 2), "row").item<float>());
    }

    [Fact]
    public void The_projection_is_embeddings_and_indicators_through_one_linear_layer()
    {
        using var scope = NewDisposeScope();
        using var projection = new TabularProjection(3, channels: 2, height: 1, width: 1, columns:
        [
            new NumericColumn("age") { Fill = 0.5f, MissingIndicator = true },
            new CategoricalColumn("port", ["C", "S"]) { EmbeddingWidth = 3 },
            new NumericColumn("fare"),
        ]);
        projection.state_dict().Keys.Should().BeEquivalentTo("embeddings.0.weight", "linear.weight", "linear.bias");
        var (table, weight, bias) = (projection.state_dict()["embeddings.0.weight"], projection.state_dict()["linear.weight"], projection.state_dict()["linear.bias"]);

        var output = projection.call(tensor([float.NaN, 2, 7, 1.5f, 0, 8]).view(2, 3));

        table[0].abs().sum().item<float>().Should().Be(0, "an unknown category says nothing before it is trained");
        var rows = stack([cat([tensor([0.5f, 7, 1]), table[2]]), cat([tensor([1.5f, 8, 0]), table[0]])]);
        var expected = rows.matmul(weight.t()) + bias;
        (output.view(2, 2) - expected).abs().max().item<float>().Should().BeLessThan(1e-5f);
    }

    [Fact]
    public void What_the_projection_knows_of_its_columns_moves_with_it()
    {
        using var scope = NewDisposeScope();
        using var projection = new TabularProjection(2, channels: 2, columns: [new NumericColumn("age") { Fill = 0.1f }, new CategoricalColumn("port", ["C"])]);

        projection.to(ScalarType.Float64);

        var output = projection.call(tensor([double.NaN, 1]).view(1, 2));
        output.dtype.Should().Be(ScalarType.Float64);
        (output - projection.call(tensor([(double)0.1f, 1]).view(1, 2))).abs().max().item<double>().Should().Be(0);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    [InlineData(0.5f)]
    [InlineData(float.NaN, false)]
    [InlineData(2, false)]
    public void A_number_of_no_category_is_refused(float number, bool isRefused = true)
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("row", Inputs.Tabular(new CategoricalColumn("port", ["C", "S"])))
            .Base(Bases.ConvNet(channels: 4)).Task("row", Heads.Regression(1)).Build(CPU);

        var act = () => model.forward(tensor([number]).view(1, 1), "row");

        if (isRefused)
            act.Should().Throw<MultiInputException>().WithMessage($"Input 'row', input: column 'port' holds {number}*the numbers 1 to 2*");
        else
            act.Should().NotThrow();
    }

    [Fact]
    public void Embeddings_are_trained()
    {
        using var scope = NewDisposeScope();
        var rows = string.Concat(Enumerable.Range(0, 64).Select(i => $"{"abcd"[i % 4]},{(i % 4 is 0 or 3 ? "in" : "out")}\n"));
        var path = folder.Write("train.csv", "letter,side\n" + rows);
        var schema = TableSchema.Infer(path, ["side"]);
        random.manual_seed(1);
        using var model = MultiInputModel.Define().Input("row", schema.Input).Base(Bases.ConvNet(channels: 8)).Task("row", schema.Head).Build(CPU);
        var source = new CsvSource("row", schema, path);
        var trainer = new MultiInputNet.Training.Trainer(model, new() { Epochs = 30, BatchSize = 32, LearningRate = 1e-2 });

        trainer.Fit([source]);

        trainer.Evaluate([source])["row"].PrimaryValue.Should().Be(1);
    }

    [Fact]
    public void Only_training_rows_are_learned_from()
    {
        var path = folder.Write("all.csv", "x,c,y\n1,a,0.5\n3,b,1.5\n100,z,2.5\n");

        var schema = TableSchema.Infer(path, ["y"], new() { TrainingRows = row => row < 2 });

        schema.Input.Mean![0].Should().Be(2);
        ((CategoricalColumn)schema.Input.Columns![1]).Categories.Should().Equal("a", "b");
        using var scope = NewDisposeScope();
        new CsvSource("t", schema, path, row => row >= 2).Samples.data<double>().ToArray().Should().Equal(100, 0);
    }

    [Theory]
    [InlineData("0 1 2 1", true)]
    [InlineData("1 2 10 3 4 5 6 7 8 9", true)]
    [InlineData("0 2", true)]
    [InlineData("2 3", true)]
    [InlineData("0.0 1.0 1.0", true)]
    [InlineData("-1 1 -1", true)]
    [InlineData("1 2 4", true)]
    [InlineData("10 20 30 10 20 30", true)]
    [InlineData("120 340 560", false)]
    [InlineData("1990 1991 1992", false)]
    [InlineData("0.5 1", false)]
    [InlineData("red 1", true)]
    public void A_target_of_texts_or_class_numbers_is_a_class(string labels, bool isClass)
    {
        var path = folder.Write("train.csv", "x,y\n" + string.Concat(labels.Split(' ').Select(label => $"1,{label}\n")));

        var classes = TableSchema.Infer(path, ["y"]).Targets[0].ClassNames;

        (classes is not null).Should().Be(isClass);
        classes?.Should().BeEquivalentTo(labels.Split(' ').Distinct());
        TableSchema.Infer(path, ["y"], new() { Categorical = ["y"] }).Targets[0].ClassNames.Should().NotBeNull();
    }

    [Fact]
    public void Class_numbers_are_sorted_by_their_size()
    {
        var path = folder.Write("train.csv", "x,y\n" + string.Concat(Enumerable.Range(1, 12).Select(i => $"0,{i}\n")));

        TableSchema.Infer(path, ["y"]).Targets[0].ClassNames.Should().Equal(Enumerable.Range(1, 12).Select(i => $"{i}"));
    }

    [Fact]
    public void Several_targets_are_several_tasks()
    {
        using var scope = NewDisposeScope();
        var path = folder.Write("train.csv", "x,kind,price\n1,a,2.5\n2,b,\n");

        var source = new CsvSource("thing", TableSchema.Infer(path, ["kind", "price"]), path);

        source.Targets["kind"].data<long>().ToArray().Should().Equal(0, 1);
        source.Targets["price"].shape.Should().Equal(2, 1);
        source.Targets["price"].data<double>().ToArray().Should().Equal(2.5, double.NaN);
    }

    [Fact]
    public void A_broken_row_is_fatal_or_left_out_and_named()
    {
        using var scope = NewDisposeScope();
        var schema = TableSchema.Infer(folder.Write("train.csv", "x,y\n1,a\n2,b\n"), ["y"]);
        var path = folder.Write("test.csv", "x,y\n1,a\nabc,a\n2\n3,c\n4,b\n");

        var act = () => new CsvSource("t", schema, path);
        act.Should().Throw<MultiInputException>().WithMessage("File '*test.csv', line 3, file: column 'x' holds 'abc', which is not a number.*OnBroken.Skip*");

        var source = new CsvSource("t", schema, path, onBroken: OnBroken.Skip);
        source.Samples.data<double>().ToArray().Should().Equal(1, 4);
        source.Broken.Select(broken => broken.Place[^6..]).Should().Equal("line 3", "line 4", "line 5");
        source.Broken[1].Problem.Should().Be("it has 1 fields, but there are 2 columns.");
        source.Broken[2].Problem.Should().Be("column 'y' holds 'c', which is not one of its 2 classes.");
    }

    [Fact]
    public void A_column_that_is_called_numeric_makes_other_texts_mistakes()
    {
        var path = folder.Write("train.csv", "x,y\n1,a\nabc,a\n3,b\n");

        var act = () => TableSchema.Infer(path, ["y"], new() { Numeric = ["x"] });
        act.Should().Throw<MultiInputException>().WithMessage("*line 3*'abc', which is not a number*");

        TableSchema.Infer(path, ["y"], new() { Numeric = ["x"], OnBroken = OnBroken.Skip }).Input.Mean![0].Should().Be(2);
    }

    [Fact]
    public void Mistakes_name_their_column_and_a_cure()
    {
        var path = folder.Write("train.csv", "x,y\n" + string.Concat(Enumerable.Range(0, 20).Select(i => $"n{i},a\n")));
        var empty = folder.Write("empty.csv", "x,y\n,a\n");
        var act = (Action infer) => infer.Should().Throw<MultiInputException>();

        act(() => TableSchema.Infer(path, ["z"])).WithMessage("*no column 'z'*'x', 'y'*");
        act(() => TableSchema.Infer(path, ["y"], new() { LargestCategoryCount = 10 })).WithMessage("*'x' has more than 10 different texts; the first that is not a number is 'n0' in line 2*Ignore = [\"x\"]*");
        act(() => TableSchema.Infer(empty, ["y"])).WithMessage("*column 'x' has no value*");
        act(() => TableSchema.Infer(folder["none.csv"], ["y"])).WithMessage("*none.csv*");
        act(() => Inputs.Tabular(new NumericColumn("x")).Encode(new Dictionary<string, string?>())).WithMessage("Row 0, input: column 'x' is missing.*");
        act(() => Inputs.Tabular(new NumericColumn("x")).Encode(new Dictionary<string, string?> { ["x"] = "abc" })).WithMessage("*'abc', which is not a number*");
        act(() => Inputs.Tabular(3).Encode(new Dictionary<string, string?>())).WithMessage("*names no columns*");
    }

    [Theory]
    [InlineData("a column has no name*", "x", "x")]
    [InlineData("*no name*", "x", "")]
    public void Columns_need_names_of_their_own(string message, params string[] names)
    {
        var act = () => MultiInputModel.Define()
            .Input("row", Inputs.Tabular([.. names.Select(name => new NumericColumn(name))]))
            .Base(Bases.ConvNet(channels: 4)).Task("row", Heads.Regression(1)).Build(CPU);

        act.Should().Throw<MultiInputException>().WithMessage($"Input 'row', input: {message}");
    }

    [Fact]
    public void Damaged_columns_in_a_description_are_refused()
    {
        using var model = MultiInputModel.Define()
            .Input("row", Inputs.Tabular(new CategoricalColumn("port", ["C", "S"]), new NumericColumn("x")))
            .Base(Bases.ConvNet(channels: 4)).Task("row", Heads.Regression(1)).Build(CPU);
        var json = model.Description.ToJson();

        foreach (var (from, to) in new[]
        {
            ("\"C\"", "null"), ("\"C\"", "\"S\""), ("\"fill\": 0", "\"fill\": 1e99"), ("\"embedding_width\": 1", "\"embedding_width\": -5"),
            ("\"embedding_width\": 1", "\"embedding_width\": 2000000000"), ("\"features\": 2", "\"features\": 3"), ("\"name\": \"port\"", "\"name\": null"),
        })
        {
            json.Should().Contain(from);
            var act = () => ModelDescription.FromJson(json.Replace(from, to)).Build(CPU);
            act.Should().Throw<MultiInputException>($"{from} became {to}");
        }
    }

    [Fact]
    public void A_packed_file_of_many_rows_is_read_whole()
    {
        using var scope = NewDisposeScope();
        var schema = TableSchema.Infer(Fixture("letter.csv.gz"), ["class"], new() { TrainingRows = row => row < 16000 });

        var test = new CsvSource("letter", schema, Fixture("letter.csv.gz"), row => row >= 16000);

        schema.Input.Features.Should().Be(16);
        schema.Targets[0].ClassNames.Should().Equal(Enumerable.Range(0, 26).Select(i => $"{i}"));
        test.Count.Should().Be(4000);

        // The same by hand.
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Fixture("letter.csv.gz")), CompressionMode.Decompress));
        var rows = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..].Select(line => line.Split(',').Select(double.Parse).ToArray()).ToArray();
        test.Samples.data<double>().ToArray().Should().Equal(rows[16000..].SelectMany(row => row[..^1]));
        test.Targets["letter"].data<long>().ToArray().Should().Equal(rows[16000..].Select(row => (long)row[^1]));
        schema.Input.Mean![0].Should().BeApproximately(rows[..16000].Average(row => row[0]), 1e-9);
    }

    [Fact]
    public void A_damaged_packed_file_is_named()
    {
        var whole = File.ReadAllBytes(Fixture("letter.csv.gz"));
        var path = folder.Write("damaged.csv.gz", [.. whole[..5000], .. Encoding.ASCII.GetBytes("not deflate's"), .. whole[5013..]]);

        var act = () => TableSchema.Infer(path, ["class"], new() { OnBroken = OnBroken.Skip });

        act.Should().Throw<MultiInputException>().WithMessage("*damaged.csv.gz*");
    }
}
