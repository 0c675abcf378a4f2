using System.Globalization;
using System.Runtime.Versioning;
using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Onnx;
using MultiInputNet.Tests.Data;
using nietras.SeparatedValues;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>samples/FineTune with --predict, run as a person runs it; its tables are read with Sep and compared with the library's answers.</summary>
public sealed class FineTunePredictionTests : IDisposable
{
    private static readonly string[] Species = ["cat, tame", "dog \"Rex\"", "line\nbreak"];
    private static readonly string picture = Path.Combine(AppContext.BaseDirectory, "Fixtures", "files", "images", "rgb.png");
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model.safetensors", "--engine", "libtorch")]
    [InlineData("model.safetensors", "--engine", "onnx")]
    [InlineData("model.onnx")]
    public void Rows_of_a_table_are_answered_whatever_their_order_of_columns_and_their_format(string file, params string[] engine)
    {
        using var model = Save();
        model.ExportOnnx(folder["model.onnx"]);
        folder.Write("new.csv", "label;port;extra;age\nx;S;1;30,5\ny;Q;2;\nz;S;3;old\n;elsewhere;4;12\n");

        var (code, output, errors) = Run(["--predict", "new.csv", "--model", file, .. engine, "--delimiter", ";", "--decimal", "record=,"]);

        code.Should().Be(2, errors);
        errors.Should().Contain("Skipped file 'new.csv', line 4: column 'age' holds 'old', which is not a number").And.Contain("3 samples of input 'record' answered.");
        var table = Table(output);
        table.Header.Should().Equal("name", "class.prediction", "class.probability", "class.probability.0", "class.probability.1");
        table.Rows.Select(row => row[0]).Should().Equal("new.csv, line 2", "new.csv, line 3", "new.csv, line 5");
        foreach (var (row, (age, port)) in table.Rows.Zip([("30.5", "S"), (null, "Q"), ("12", "elsewhere")]))
        {
            var expected = model.Predict("class", new Dictionary<string, string?> { ["age"] = age, ["port"] = port });
            row[1].Should().Be(expected.ClassName);
            Number(row[2]).Should().BeApproximately(expected.Probability, 1e-6);
            row[3..].Select(Number).Sum().Should().BeApproximately(1, 1e-6);
        }
    }

    [Fact]
    public void Images_of_a_folder_are_answered_in_a_file_and_broken_ones_are_named()
    {
        using var model = Save();
        Directory.CreateDirectory(folder["photos/a, b"]);
        File.Copy(picture, folder["photos/a, b/1.png"]);
        File.Copy(picture, folder["photos/2.png"]);
        folder.Write("photos/broken.png", "no image");
        folder.Write("answers.csv", "old");

        var (code, output, errors) = Run("--predict", "photo=photos", "--model", "model.safetensors", "--out", "answers.csv");

        code.Should().Be(2, errors);
        output.Should().BeEmpty();
        errors.Should().Contain("Skipped file 'photos/broken.png': ").And.Contain("2 samples of input 'photo' answered in answers.csv.");
        var expected = model.Predict(new Dictionary<string, InputValue> { ["photo"] = ImageValue.FromFile(picture) });
        var table = Table(File.ReadAllText(folder["answers.csv"]));
        table.Header.Should().Equal(
            "name",
            "species.prediction", "species.probability", "species.probability.cat, tame", "species.probability.dog \"Rex\"", "species.probability.line\nbreak",
            "tags.prediction", "tags.probability.red", "tags.probability.round", "size.prediction.width [mm]", "size.prediction.height [mm]");
        table.Rows.Select(row => row[0]).Should().BeEquivalentTo("photos/2.png", "photos/a, b/1.png");
        foreach (var row in table.Rows)
        {
            row[1].Should().Be(expected["species"].ClassName);
            row[3..6].Select(Number).Should().BeEquivalentTo(expected["species"].Classes.Select(one => one.Probability), options => Near(options));
            row[6].Should().Be(string.Join(';', expected["tags"].PresentLabels));
            row[7..9].Select(Number).Should().BeEquivalentTo(expected["tags"].Labels.Select(one => one.Probability), options => Near(options));
            row[9..].Select(Number).Should().BeEquivalentTo(expected["size"].Values, options => Near(options));
        }

        Directory.GetFiles(folder["."]).Select(Path.GetFileName).Should().BeEquivalentTo("answers.csv", "model.safetensors", "other.safetensors");
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public void Answers_keep_a_link_and_the_permissions_of_the_file_that_they_replace_and_never_replace_what_is_read()
    {
        using var model = Save();
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var rows = folder.Write("new.csv", "age,port\n30,S\n");
        File.SetUnixFileMode(folder.Write("answers.csv", "old"), Mode);
        File.CreateSymbolicLink(folder["latest.csv"], "answers.csv");
        File.CreateSymbolicLink(folder["again.csv"], "new.csv");

        var (code, _, errors) = Run("--predict", "new.csv", "--model", "model.safetensors", "--out", "latest.csv");
        var refused = Run("--predict", "new.csv", "--model", "model.safetensors", "--out", "again.csv");

        code.Should().Be(0, errors);
        new FileInfo(folder["latest.csv"]).LinkTarget.Should().Be("answers.csv");
        File.GetUnixFileMode(folder["answers.csv"]).Should().Be(Mode);
        Table(File.ReadAllText(folder["answers.csv"])).Rows.Should().ContainSingle();
        refused.Should().Be((1, "", "--out: 'again.csv' is read; name another.\n"));
        File.ReadAllText(rows).Should().StartWith("age,port");
    }

    [Fact]
    public void An_array_finds_the_input_of_its_shape_and_of_many_classes_the_most_probable_are_written()
    {
        using var model = Save();
        using var samples = rand(3, 2, 5);
        NumpyFile.Write(folder["new.npy"], samples);

        var (code, output, errors) = Run("--predict", "new.npy", "--model", "model.safetensors", "--task", "many");

        code.Should().Be(0, errors);
        var table = Table(output);
        table.Header.Should().HaveCount(11).And.StartWith(["name", "many.prediction", "many.probability", "many.prediction.2", "many.probability.2"]);
        foreach (var (row, answer) in table.Rows.Zip(model.PredictMany("many", samples)))
        {
            var top = answer.Top(5);
            row.Skip(1).Where((_, i) => i % 2 == 0).Should().Equal(top.Select(one => one.Name));
            row.Skip(1).Where((_, i) => i % 2 == 1).Select(Number).Should().BeEquivalentTo(top.Select(one => one.Probability), options => Near(options));
        }

        table.Rows.Should().HaveCount(3);
    }

    [Theory]
    [InlineData("grey.png", "grey16.tif", "palette.png", "rgb.jpg", "rgba.png", "turned6.jpg")]
    public void Images_of_any_kind_and_size_are_prepared_as_for_training(params string[] names)
    {
        using var model = Save();
        Directory.CreateDirectory(folder["photos"]);
        foreach (var name in names)
            File.Copy(TemporaryFolder.Fixture($"images/{name}"), folder[$"photos/{name.ToUpperInvariant()}"]);

        foreach (var (input, task) in new[] { ("photo", "species"), ("scan", "scan") })
        {
            var (code, output, errors) = Run("--predict", $"{input}=photos", "--model", "model.safetensors", "--task", task);

            code.Should().Be(0, errors);
            var rows = Table(output).Rows;
            rows.Select(row => row[0]).Should().BeEquivalentTo(names.Select(name => $"photos/{name.ToUpperInvariant()}"));
            foreach (var row in rows)
            {
                var expected = model.Predict(task, ImageValue.FromFile(folder[row[0]])).Classes.Select(one => one.Probability);
                row[3..].Select(Number).Should().BeEquivalentTo(expected, options => Near(options), row[0]);
            }

            rows.Select(row => row[2]).Distinct().Should().HaveCountGreaterThan(1, "the images differ");
        }
    }

    [Fact]
    public void A_single_image_is_answered_and_a_broken_one_is_the_program_s_error()
    {
        using var model = Save();
        File.Copy(picture, folder["Photo=1.PNG"]);
        folder.Write("cut.png", File.ReadAllBytes(picture)[..^30]);

        var (code, output, errors) = Run("--predict", "photo=Photo=1.PNG", "--model", "model.safetensors", "--task", "tags");
        var broken = Run("--predict", "photo=cut.png", "--model", "model.safetensors", "--out", "answers.csv");

        code.Should().Be(0, errors);
        errors.Should().Contain("1 sample of input 'photo' answered.");
        var row = Table(output).Rows.Single();
        row[0].Should().Be("Photo=1.PNG");
        row[2..].Select(Number).Should().BeEquivalentTo(model.Predict("tags", ImageValue.FromFile(picture)).Labels.Select(one => one.Probability), options => Near(options));
        broken.Code.Should().Be(1);
        broken.Errors.Should().Contain("File 'cut.png'").And.Contain("damaged");
        File.Exists(folder["answers.csv"]).Should().BeFalse();
    }

    [Fact]
    public void An_IDX_file_finds_the_input_of_its_shape()
    {
        using var model = Save();
        var pixels = Enumerable.Range(0, 3 * 64).Select(i => (byte)(i * 37)).ToArray();
        folder.Write("t10k-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 8, 0, 0, 0, 8, .. pixels]);

        var (code, output, errors) = Run("--predict", "t10k-images-idx3-ubyte", "--model", "model.safetensors");

        code.Should().Be(0, errors);
        var rows = Table(output).Rows;
        rows.Select(row => row[0]).Should().Equal("sample 0", "sample 1", "sample 2");
        foreach (var (row, image) in rows.Zip(pixels.Chunk(64)))
        {
            var expected = model.Predict("scan", InputValue.FromNumbers([.. image.Select(pixel => pixel / 255.0)]));
            row[3..].Select(Number).Should().BeEquivalentTo(expected.Classes.Select(one => one.Probability), options => Near(options));
        }
    }

    [Fact]
    public void Tables_as_other_programs_write_them_are_read()
    {
        using var model = Save();
        folder.Write("new.csv", [0xEF, 0xBB, 0xBF, .. "\"port\",\"age\",\"note\"\r\n\"S\",\"31\",\"a \"\"b\"\", c\"\r\n\r\n\"Q\",,\"two\r\nlines\"\r\n Q , 7 ,x"u8]);

        var (code, output, errors) = Run("--predict", "new.csv", "--model", "model.safetensors");

        code.Should().Be(0, errors);
        var rows = Table(output).Rows;
        rows.Select(row => row[0]).Should().Equal("new.csv, line 2", "new.csv, line 4", "new.csv, line 6");
        foreach (var (row, (age, port)) in rows.Zip([("31", "S"), (null, "Q"), ("7", "Q")]))
            Number(row[2]).Should().BeApproximately(model.Predict("class", new Dictionary<string, string?> { ["age"] = age, ["port"] = port }).Probability, 1e-6);
    }

    [Theory]
    [InlineData("File 'rows.csv', file: It holds nothing", "")]
    [InlineData("File 'rows.csv', file: it has no rows after its header.", "age,port\n")]
    [InlineData("File 'rows.csv', file: it has no column 'age'. Its columns are 'age;port'. Is the delimiter ';'?", "age;port\n1;S\n")]
    public void A_table_that_cannot_be_answered_is_named(string message, string content)
    {
        using var model = Save();
        folder.Write("rows.csv", content);

        var (code, output, errors) = Run("--predict", "rows.csv", "--model", "model.safetensors");

        code.Should().Be(1);
        output.Should().BeEmpty();
        errors.Should().Contain(message);
    }

    [Theory]
    [InlineData("--predict needs a model; give --model model.safetensors.", "--predict", "rows.csv")]
    [InlineData("--model is for --predict; leave it out of a training.", "--input", "a=sample:digits", "--model", "model.safetensors")]
    [InlineData("--epochs is for training; leave it out with --predict.", "--predict", "rows.csv", "--model", "model.safetensors", "--epochs", "3")]
    [InlineData("--input is for training; leave it out with --predict.", "--predict", "rows.csv", "--model", "model.safetensors", "--input", "record=csv:rows.csv")]
    [InlineData("--predict: there is neither a file nor a folder 'missing.csv'.", "--predict", "missing.csv", "--model", "model.safetensors")]
    [InlineData("--model: nothing is at 'missing.safetensors'.", "--predict", "rows.csv", "--model", "missing.safetensors")]
    [InlineData("--out: 'rows.csv' is read; name another.", "--predict", "rows.csv", "--model", "model.safetensors", "--out", "rows.csv")]
    [InlineData("File 'rows.csv', file: it has no column 'port'. Its columns are 'age', 'class'.", "--predict", "rows.csv", "--model", "model.safetensors")]
    [InlineData("input 'photo'. The inputs are photo (image 3×8×8), scan", "--predict", "photo=rows.csv", "--model", "model.safetensors")]
    [InlineData("several inputs of the model take a folder of images. Name one: --predict photo=.", "--predict", ".", "--model", "model.safetensors")]
    [InlineData("Folder 'empty', file: it holds no image.", "--predict", "photo=empty", "--model", "model.safetensors")]
    [InlineData("The model has no input 'car'; use one of photo, scan, record, signal.", "--predict", "rows.csv", "--model", "model.safetensors", "--delimiter", "car=;")]
    [InlineData("'colour'", "--predict", "rows.csv", "--model", "model.safetensors", "--task", "colour")]
    [InlineData("--engine: 'torch' is not an engine; give libtorch or onnx.", "--predict", "rows.csv", "--model", "model.safetensors", "--engine", "torch")]
    [InlineData("--engine is for --predict; leave it out of a training.", "--input", "a=sample:digits", "--engine", "onnx")]
    [InlineData("it was exported to ONNX, which libtorch does not run", "--predict", "rows.csv", "--model", "model.onnx", "--engine", "libtorch")]
    [InlineData("File 'other.safetensors'", "--predict", "rows.csv", "--model", "other.safetensors")]
    public void A_mistake_is_named(string message, params string[] arguments)
    {
        using var model = Save();
        model.ExportOnnx(folder["model.onnx"]);
        Directory.CreateDirectory(folder["empty"]);
        folder.Write("rows.csv", arguments[^1] is "colour" or "other.safetensors" ? "age,port\n1,S\n" : "age,class\n1,2\n");

        var (code, output, errors) = Run(arguments);

        code.Should().Be(1);
        output.Should().BeEmpty();
        errors.Should().Contain(message);
    }

    private static (string[] Header, string[][] Rows) Table(string text)
    {
        using var reader = Sep.New(',').Reader(options => options with { HasHeader = false, Unescape = true }).FromText(text);
        var rows = new List<string[]>();
        foreach (var row in reader)
            rows.Add([.. Enumerable.Range(0, row.ColCount).Select(i => reader.Current[i].ToString())]);
        return (rows[0], [.. rows[1..]]);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static FluentAssertions.Equivalency.EquivalencyAssertionOptions<double> Near(FluentAssertions.Equivalency.EquivalencyAssertionOptions<double> options) =>
        options.WithStrictOrdering().Using<double>(pair => pair.Subject.Should().BeApproximately(pair.Expectation, 1e-5)).WhenTypeIs<double>();

    private MultiInputModel Save()
    {
        var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 8, width: 8))
            .Input("scan", Inputs.Image(channels: 1, height: 8, width: 8))
            .Input("record", new TabularInput(2)
            {
                Columns = [new NumericColumn("age") { Fill = 30 }, new CategoricalColumn("port", ["S", "Q"])],
                Mean = [30, 0],
                StandardDeviation = [10, 1],
            })
            .Input("signal", Inputs.Sequence(features: 2, length: 5))
            .Base(Bases.ConvNet(channels: 4, 8))
            .Fusion(Fusions.GlobalAverage())
            .Task("species", new ClassificationSpec(3) { ClassNames = Species }, from: ["photo"])
            .Task("tags", Heads.MultiLabel(2) with { LabelNames = ["red", "round"] }, from: ["photo"])
            .Task("size", Heads.Regression(2) with { OutputNames = ["width", "height"], Unit = "mm" }, from: ["photo"])
            .Task("both", Heads.Regression(1), from: ["photo", "record"], fusion: Fusions.Concat())
            .Task("scan", Heads.Classification(2))
            .Task("class", Heads.Classification(2), from: ["record"])
            .Task("many", Heads.Classification(1000), from: ["signal"])
            .Task("few", Heads.Classification(2), from: ["signal"])
            .Build(CPU, seed: 3);
        model.eval();
        model.Save(folder["model.safetensors"]);
        folder.Write("other.safetensors", "no model");
        return model;
    }

    private (int Code, string Output, string Errors) Run(params string[] arguments) => SampleProgram.Run("FineTune", folder["."], "de_DE", arguments);
}
