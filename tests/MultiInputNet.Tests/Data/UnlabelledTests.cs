using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using static MultiInputNet.Tests.Data.TemporaryFolder;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

/// <summary>Every source holds samples without labels, and names them; training and evaluation refuse such sources.</summary>
public sealed class UnlabelledTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    private string Labelled => folder.Write("train.csv", "age,port,fare,survived\n30,S,7.5,yes\nNA,C,8.5,no\n40,,9.5,yes\n50,S,,no\n");

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Rows_without_the_label_column_are_read_with_the_columns_of_a_loaded_model()
    {
        var schema = TableSchema.Infer(Labelled, ["survived"]);
        using (var model = MultiInputModel.Define().Input("passenger", schema.Input).Base(Bases.ConvNet(4)).Task("passenger", schema.Head).Build(CPU))
            model.Save(folder["model.safetensors"]);
        using var loaded = MultiInputModel.Load(folder["model.safetensors"], CPU);
        var input = loaded.Description.Input<TabularInput>("passenger");
        var path = folder.Write("new.csv", "fare,remark,port,age\n1.5,x,Q,20\n2.5,y,C,NA\n");

        var source = new CsvSource("passenger", new TableSchema(input, []), path);

        source.Count.Should().Be(2);
        source.Targets.Should().BeEmpty();
        source.Samples.data<double>().ToArray().Should().Equal([20, 0, 1.5, double.NaN, 1, 2.5], "they are in the order of the input");
        source.Read([1, 0]).Inputs["passenger"].data<double>().ToArray().Should().Equal(double.NaN, 1, 2.5, 20, 0, 1.5);
        CsvSource.Unlabelled("passenger", input, path).Samples.data<double>().ToArray().Should().Equal(source.Samples.data<double>().ToArray());
        var semicolons = folder.Write("semicolons.csv", "fare;port;age\n1.5;Q;20\n");
        CsvSource.Unlabelled("passenger", input, semicolons, new() { Delimiter = ';' }).Samples.data<double>().ToArray().Should().Equal(20, 0, 1.5);
        loaded.forward(source.Read([0]).Inputs["passenger"], "passenger").shape.Should().Equal(1, 2);
    }

    [Fact]
    public void A_broken_row_is_fatal_or_left_out_and_listed()
    {
        var input = TableSchema.Infer(Labelled, ["survived"]).Input;
        var path = folder.Write("new.csv", "age,port,fare\n30,S,1\nold,S,2\n\n40,C\n50,S,3\n");

        FluentActions.Invoking(() => CsvSource.Unlabelled("passenger", input, path)).Should().Throw<MultiInputException>().WithMessage("*new.csv', line 3, file: column 'age' holds 'old'*");
        FluentActions.Invoking(() => CsvSource.Unlabelled("passenger", input, folder.Write("less.csv", "age,port\n1,S\n"))).Should().Throw<MultiInputException>().WithMessage("*no column 'fare'*");
        FluentActions.Invoking(() => CsvSource.Unlabelled("passenger", Inputs.Tabular(3), path)).Should().Throw<MultiInputException>().WithMessage("*names no columns*");
        var source = CsvSource.Unlabelled("passenger", input, path, onBroken: OnBroken.Skip);

        source.Broken.Select(broken => broken.Place[^6..]).Should().Equal("line 3", "line 5");
        Enumerable.Range(0, 2).Select(row => source.NameOf(row)).Should().Equal($"{path}, line 2", $"{path}, line 6");
        source.Subset([1]).NameOf(0).Should().Be($"{path}, line 6");
    }

    [Fact]
    public void Text_that_is_no_file_is_read_too()
    {
        var schema = new TableSchema(TableSchema.Infer(Labelled, ["survived"]).Input, []);

        var source = CsvSource.FromText("passenger", schema, new StringReader("port,age,fare\nS,1,2\n\"C\",NA,3\n"), row => row == 1);

        source.Samples.data<double>().ToArray().Should().Equal(double.NaN, 1, 3);
        source.NameOf(0).Should().Be("line 3");
        FluentActions.Invoking(() => CsvSource.FromText("passenger", schema, new StringReader(""))).Should().Throw<MultiInputException>().WithMessage("Text, file: It holds no row.*");
        FluentActions.Invoking(() => CsvSource.FromText("passenger", schema, new StringReader("port,age,fare\nS,x,2\n"))).Should().Throw<MultiInputException>().WithMessage("Text, line 2, file: column 'age' holds 'x'*");
    }

    [Fact]
    public void A_schema_without_targets_has_no_head()
    {
        var schema = new TableSchema(TableSchema.Infer(Labelled, ["survived"]).Input, []);

        FluentActions.Invoking(() => schema.Head).Should().Throw<MultiInputException>().WithMessage("Table schema, head: it has no target*");
        schema.ToString().Should().Contain("fare").And.NotContain("label");
    }

    [Fact]
    public void Tensors_and_arrays_are_read_without_labels()
    {
        var samples = arange(12, ScalarType.Float32).view(4, 3);
        NumpyFile.Write(folder["x.npy"], samples);
        using var streamed = new NumpySource("x", folder["x.npy"]);
        DataSource[] sources = [new TensorSource("x", samples), NumpyFile.ReadSource("x", folder["x.npy"]), streamed];

        foreach (var source in sources)
        {
            source.Count.Should().Be(4);
            source.Targets.Should().BeEmpty();
            source.Read([3, 1]).Inputs["x"].data<float>().ToArray().Should().Equal(9, 10, 11, 3, 4, 5);
            source.Subset([2]).Read([0]).Inputs["x"].data<float>().ToArray().Should().Equal(6, 7, 8);
            source.Split(0.25).Training.Count.Should().Be(3);
            source.NameOf(2).Should().EndWith("sample 2");
            source.Subset([2]).NameOf(0).Should().Be(source.NameOf(2));
        }

        streamed.NameOf(0).Should().Be($"{folder["x.npy"]}, sample 0");
        FluentActions.Invoking(() => new TensorSource("x", zeros(0, 3))).Should().Throw<ArgumentException>().WithMessage("*at least one*");
        FluentActions.Invoking(() => new TensorSource("x", new Dictionary<string, Tensor>(), new Dictionary<string, Tensor>())).Should().Throw<ArgumentException>();
        NumpyFile.Write(folder["none.npy"], zeros(0, 3));
        FluentActions.Invoking(() => new NumpySource("x", folder["none.npy"])).Should().Throw<MultiInputException>().WithMessage("*array of shape (0, 3), but there should be a sample*");
    }

    [Fact]
    public void Images_of_an_IDX_file_are_those_read_with_labels()
    {
        byte[] images = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 102, 255];
        byte[] labels = [0, 0, 8, 1, 0, 0, 0, 2, 1, 0];

        var source = IdxFile.ReadSource("digit", folder.Write("images", images));

        source.Targets.Should().BeEmpty();
        source.Inputs["digit"].shape.Should().Equal(2, 1, 1, 2);
        source.Inputs["digit"].data<float>().ToArray().Should().Equal(0, 0.2f, 0.4f, 1);
        source.Inputs["digit"].data<float>().ToArray().Should().Equal(
            IdxFile.ReadSource("digit", folder["images"], folder.Write("labels", labels)).Inputs["digit"].data<float>().ToArray());
    }

    [Fact]
    public void Images_come_from_a_folder_without_classes_or_from_a_list()
    {
        var input = Inputs.Image(3, 4, 4);
        Directory.CreateDirectory(folder["new/more"]);
        File.Copy(Fixture("images/rgb.png"), folder["new/b.png"]);
        File.Copy(Fixture("images/rgb.jpg"), folder["new/more/a.jpg"]);
        File.CreateSymbolicLink(folder["new/linked.jpg"], folder["new/more/a.jpg"]);
        File.CreateSymbolicLink(folder["new/itself"], folder["new"]);
        folder.Write("new/c.png", "broken");
        folder.Write("new/notes.txt", "no image");

        var source = ImageFolderSource.Unlabelled("photo", folder["new"], input, OnBroken.Skip);

        source.Files.Should().Equal(folder["new/b.png"], folder["new/c.png"], folder["new/more/a.jpg"]);
        (source.Targets.Count, source.ClassNames.Count).Should().Be((0, 0));
        var batch = source.Read([0, 1, 2]);
        batch.Rows.Should().Equal(0, 2);
        batch.Inputs["photo"][1..].bytes.SequenceEqual(ImageFiles.Read(input, folder["new/more/a.jpg"]).bytes).Should().BeTrue();
        source.NameOf(2).Should().Be(folder["new/more/a.jpg"]);
        source.Broken.Single().Place.Should().Be($"file '{folder["new/c.png"]}'");
        var listed = ImageFolderSource.FromFiles("photo", [folder["new/more/a.jpg"], folder["new/b.png"]], input);
        listed.Read([0]).Inputs["photo"].bytes.SequenceEqual(batch.Inputs["photo"][1..].bytes).Should().BeTrue();

        Directory.CreateDirectory(folder["empty"]);
        FluentActions.Invoking(() => ImageFolderSource.Unlabelled("photo", folder["empty"], input)).Should().Throw<MultiInputException>().WithMessage("Folder '*empty', file: it holds no image.*");
        FluentActions.Invoking(() => ImageFolderSource.Unlabelled("photo", folder["none"], input)).Should().Throw<MultiInputException>().WithMessage("Folder '*none', file: *");
        FluentActions.Invoking(() => ImageFolderSource.FromFiles("photo", [], input)).Should().Throw<ArgumentException>();
    }

    [Theory]
    [InlineData("training")]
    [InlineData("validation")]
    [InlineData("evaluation")]
    public void Training_and_evaluation_refuse_a_source_without_labels(string use)
    {
        using var model = TrainingProblem.Build();
        var before = TrainingProblem.Weights(model);
        var sources = TrainingProblem.Sources();
        DataSource[] without = [sources[1], new TensorSource("image", sources[0].Inputs["image"])];
        var trainer = new Trainer(model, TrainingProblem.Options);

        FluentActions.Invoking(() => use switch
        {
            "training" => (object)trainer.Fit(without),
            "validation" => trainer.Fit(sources, without),
            _ => trainer.Evaluate(without),
        }).Should().Throw<MultiInputException>().WithMessage("Source 'image', training: it has no labels*");

        model.ShouldHave(before);
    }
}
