using System.Globalization;
using System.Text.RegularExpressions;
using MultiInputNet.Onnx;
using MultiInputNet.Tests.Data;
using MultiInputNet.Weights;
using nietras.SeparatedValues;
using SkiaSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>samples/FineTune, run as a person runs it.</summary>
public sealed class FineTuneTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void It_trains_two_inputs_and_saves_a_model_that_can_be_trained_on()
    {
        folder.Write("iris.csv", "a,b,species\n" + string.Concat(Enumerable.Range(0, 100).Select(row => $"{row},{row * 7 % 10},{(row < 50 ? "low" : "high")}\n")));

        var first = Run("--input", "digits=sample:digits", "--input", "iris=csv:iris.csv", "--base", "convnet:8,8", "--epochs", "3", "--steps-per-epoch", "40", "--out", "first.safetensors");
        var second = Run("--input", "iris=csv:iris.csv", "--weights", "first.safetensors", "--phases", "heads:1,all@0.1:1", "--out", "second.safetensors");

        first.Code.Should().Be(0, first.Text);
        first.Text.Should().Contain("| digits | image   | 1×8×8 |      10 |").And.Contain("| iris   | tabular | 2     |       2 |");
        using var model = MultiInputModel.Load(folder["first.safetensors"], CPU);
        model.Description.Tasks.Select(task => task.Name).Should().Equal("digits", "iris");
        second.Code.Should().Be(0, second.Text);
        using var smaller = MultiInputModel.Load(folder["second.safetensors"], CPU);
        smaller.Description.Bases.Should().HaveCount(1).And.Subject.Single().Spec.Should().BeEquivalentTo(model.Description.Bases[0].Spec);
    }

    [Fact]
    public void A_report_has_the_scores_of_every_input_and_the_place_of_each_test_sample()
    {
        string[] species = ["low, wide", "say \"high\"", "third"];
        var flowers = Enumerable.Range(0, 60).Select(row => (Length: row * 7 % 60, Species: row * 7 % 60 / 20)).ToArray();
        folder.Write("flowers.csv", "length,species\n" + string.Concat(flowers.Select(row => $"{row.Length},\"{species[row.Species].Replace("\"", "\"\"")}\"\n")));
        folder.Write("price.csv", "size,price\n" + string.Concat(Enumerable.Range(0, 60).Select(row => $"{row},{(row % 3 == 0 ? "" : $"{row}.5")}\n")));
        for (var i = 0; i < 30; i++)
        {
            var kind = i % 2 == 0 ? "grey" : "rgb";
            Directory.CreateDirectory(folder[$"photos/{kind}"]);
            File.Copy(TemporaryFolder.Fixture($"images/{kind}.png"), folder[$"photos/{kind}/{i}.png"]);
        }

        var (code, text) = Run(
            "--input", "flowers=csv:flowers.csv", "--input", "price=csv:price.csv", "--input", "photos=images:photos@8",
            "--base", "convnet:4", "--epochs", "1", "--steps-per-epoch", "5", "--report", "new/report");

        code.Should().Be(0, text);
        text.Should().Contain("The results on the test samples are in the tables of new/report, and new/report/report.html shows the model.");
        Directory.GetFiles(folder["new/report"]).Select(Path.GetFileName).Should().BeEquivalentTo(
            "report.html", "flowers.metrics.csv", "flowers.classes.csv", "flowers.confusion.csv", "flowers.calibration.csv", "flowers.predictions.csv",
            "photos.metrics.csv", "photos.classes.csv", "photos.confusion.csv", "photos.calibration.csv", "photos.predictions.csv",
            "price.metrics.csv", "price.outputs.csv", "price.predictions.csv");
        using var model = MultiInputModel.Load(folder["model.safetensors"], CPU);

        var page = File.ReadAllText(folder["new/report/report.html"]);
        page.Should().Contain("say &quot;high&quot;").And.Contain("<bdi>flowers.csv, line ").And.Contain("data:image/png;base64,").And.Contain("loss (dashed: validation)");

        // Each row is found again where its name says it is, and is answered as the model answers it.
        var found = Table("flowers.predictions");
        found.Should().HaveCount(12);
        foreach (var row in found)
        {
            var (length, label) = flowers[Line(row["name"], "flowers.csv") - 2];
            var expected = model.Predict("flowers", new Dictionary<string, string?> { ["length"] = $"{length}" });
            (row["label"], row["prediction"]).Should().Be((species[label], expected.ClassName));
            foreach (var name in species)
                Number(row[$"probability.{name}"]).Should().BeApproximately(expected.Classes.Single(one => one.Name == name).Probability, 1e-5);
        }

        var correct = found.Count(row => row["label"] == row["prediction"]);
        Number(Table("flowers.metrics").Single(row => row["metric"] == "accuracy")["value"]).Should().BeApproximately(correct / 12.0, 1e-12);
        text.Should().MatchRegex(FormattableString.Invariant($@"\| flowers .*\| +{100 * correct / 12.0:0.00} % \|"));
        Table("flowers.confusion").Where(row => row["label"] == row["prediction"]).Sum(row => Number(row["count"])).Should().Be(correct);
        Table("flowers.classes").Select(row => row["class"]).Should().BeEquivalentTo(species);
        foreach (var row in Table("price.predictions"))
        {
            var size = Line(row["name"], "price.csv") - 2;
            row["label"].Should().Be(size % 3 == 0 ? "" : $"{size}.5");
            Number(row["prediction"]).Should().BeApproximately(model.Predict("price", new Dictionary<string, string?> { ["size"] = $"{size}" }).Value, 1e-3);
        }

        foreach (var row in Table("photos.predictions"))
        {
            row["name"].Should().StartWith($"photos/{row["label"]}/");
            File.Exists(folder[row["name"]]).Should().BeTrue();
        }

        List<Dictionary<string, string>> Table(string name)
        {
            var rows = new List<Dictionary<string, string>>();
            using var reader = Sep.New(',').Reader(options => options with { Unescape = true }).FromFile(folder[$"new/report/{name}.csv"]);
            foreach (var row in reader)
                rows.Add(reader.Header.ColNames.ToDictionary(column => column, column => reader.Current[column].ToString()));
            return rows;
        }

        static int Line(string name, string file)
        {
            name.Should().StartWith($"{file}, line ");
            return int.Parse(name.Split(' ')[^1], CultureInfo.InvariantCulture);
        }

        static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
    }

    [Fact]
    public void A_published_base_takes_a_file_of_its_weights()
    {
        using var scope = NewDisposeScope();
        using var sharedBase = new MobileNetV3Base(Bases.MobileNetV3Small());
        WeightFile.Write(folder["weights.safetensors"], sharedBase.state_dict());

        var (code, text) = Run(
            "--input", "digits=sample:digits", "--base", "mobilenet_v3_small", "--weights", "weights.safetensors", "--phases", "heads:1", "--steps-per-epoch", "2");

        code.Should().Be(0, text);
        using var model = MultiInputModel.Load(folder["model.safetensors"], CPU);
        foreach (var (name, value) in sharedBase.state_dict())
            model.state_dict()[$"base_model.{name}"].ShouldBeSame(value, name);
    }

    [Fact]
    public void ImageNet_weights_are_one_word_for_images_with_any_channels()
    {
        using var scope = NewDisposeScope();
        DrawPhotos();
        string[] options = ["--input", "photo=images:photos@32", "--input", "scan=images:photos@32,1", "--input", "land=sample:landsat", "--steps-per-epoch", "1"];

        var (code, text) = Run([.. options, "--base", "resnet18", "--weights", "imagenet", "--phases", "heads:1"]);
        var second = Run([.. options, "--weights", "model.safetensors", "--phases", "heads:1", "--out", "second.safetensors"]);
        var wrong = Run([.. options, "--weights", "imagenet"]);

        code.Should().Be(0, text);
        second.Code.Should().Be(0, second.Text);
        wrong.Should().Be((1, "--weights imagenet is for --base resnet18; give both.\n"));
        var weights = ImageNetWeights.ResNet18();
        var first = weights["conv1.weight"];
        foreach (var file in new[] { "model.safetensors", "second.safetensors" })
        {
            using var model = MultiInputModel.Load(folder[file], CPU);
            var state = model.state_dict();
            foreach (var (name, value) in weights)
                state[$"base_model.{name}"].ShouldBeSame(value, name);
            state["input_projections.scan.conv.weight"].allclose(first.sum(1, keepdim: true), rtol: 1e-5, atol: 1e-6).Should().BeTrue();
            state["input_projections.land.conv.weight"].allclose(cat([first, first[.., ..1]], 1) * 0.75, rtol: 1e-5, atol: 1e-6).Should().BeTrue();
            state["input_standardizations.photo.mean"].flatten().data<double>().Should().Equal(0.485, 0.456, 0.406);
            state["input_standardizations.scan.mean"].item<double>().Should().BeGreaterThan(0);
        }

        void DrawPhotos()
        {
            using var bitmap = new SKBitmap(40, 40);
            foreach (var i in Enumerable.Range(0, 40))
            {
                bitmap.Erase(new SKColor((byte)(6 * i), (byte)(i % 2 == 0 ? 200 : 30), 90));
                var path = folder[$"photos/{(i % 2 == 0 ? "cat" : "dog")}/{i}.png"];
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                using var stream = File.Create(path);
                bitmap.Encode(stream, SKEncodedImageFormat.Png, 100).Should().BeTrue();
            }
        }
    }

    [Fact]
    public void It_goes_on_from_its_checkpoints()
    {
        string[] options = ["--input", "digits=sample:digits", "--base", "convnet:8", "--epochs", "2", "--steps-per-epoch", "10", "--checkpoints", "checkpoints"];
        Run([.. options, "--out", "whole.safetensors"]).Code.Should().Be(0);

        var (code, text) = Run([.. options, "--out", "again.safetensors", "--resume"]);

        code.Should().Be(0, text);
        File.ReadAllBytes(folder["again.safetensors"]).Should().Equal(File.ReadAllBytes(folder["whole.safetensors"]));
    }

    [Fact]
    public void It_is_told_what_columns_are_and_says_what_it_takes_them_for()
    {
        folder.Write("cars.csv", System.Text.Encoding.Latin1.GetBytes(
            "id;Größe;preis;farbe\n" + string.Concat(Enumerable.Range(0, 100).Select(row => $"{row};{row},5;{(row == 7 ? "auf Anfrage" : $"1.{row:000},25")};{(row % 2 == 0 ? "weiß" : "grün")}\n"))));
        string[] options = ["--input", "cars=csv:cars.csv", "--base", "convnet:8", "--epochs", "1", "--steps-per-epoch", "2", "--delimiter", ";", "--decimal", ",", "--thousands", "cars=.", "--encoding", "iso-8859-1"];

        var (code, text) = Run([.. options, "--column", "id=ignore", "--column", "preis=regression", "--column", "farbe=category"]);
        var inferred = Run([.. options, "--target", "preis"]);
        var unknown = Run([.. options, "--column", "price=ignore"]);

        code.Should().Be(1, "a text is not a number to regress where a user says that all are");
        text.Should().Contain("line 9").And.Contain("'auf Anfrage', which is not a number");
        inferred.Code.Should().Be(0, inferred.Text);
        inferred.Text.Should().Contain("Größe   number         mean ").And.Contain("farbe   category       2: 'grün', 'weiß'").And.Contain("preis   label: number  to regress; missing: 1: 'auf Anfrage'")
            .And.Contain("column 'preis' is not a number in 1 of 100 rows ('auf Anfrage' in line 9), which count as missing");
        unknown.Text.Should().Contain("Column 'price'").And.Contain("it is in none of the CSV files");
    }

    [Fact]
    public void Every_class_of_a_table_has_rows_to_train_on()
    {
        folder.Write("rare.csv", "x,y\n" + string.Concat(Enumerable.Range(0, 200).Select(row => $"{row % 7},{(row < 40 ? $"rare{row / 2}" : row % 2 == 0 ? "a" : "b")}\n")));

        var (code, text) = Run("--input", "rare=csv:rare.csv", "--base", "convnet:4", "--epochs", "1", "--steps-per-epoch", "1");

        code.Should().Be(0, text);
        text.Should().NotContain("no training sample").And.MatchRegex(@"\| rare .*\| +22 \| +144 \| +16 \| +40 \|");
    }

    [Theory]
    [InlineData("'vgg' is not a base", "--input", "a=sample:digits", "--base", "vgg")]
    [InlineData("There is no input 'b'; use one of a.", "--input", "a=sample:digits", "--batch-size", "b=3")]
    [InlineData("missing.csv", "--input", "a=csv:missing.csv")]
    [InlineData("give --checkpoints FOLDER", "--input", "a=sample:digits", "--resume")]
    [InlineData("'1,5' is not a number from 0 to 100.", "--input", "a=sample:digits", "--learning-rate", "1,5")]
    [InlineData("'1,000' is not a number from 0 to 100.", "--input", "a=sample:digits", "--weight-decay", "1,000")]
    [InlineData("'0,5' is not a number from 0 to 0.99.", "--input", "a=sample:digits", "--dropout", "a=0,5")]
    [InlineData("'0,9' is not a number", "--input", "a=sample:digits", "--average", "0,9")]
    [InlineData("'1,000' is not a whole number of at least 1.", "--input", "a=sample:digits", "--batch-size", "1,000")]
    [InlineData("'70000' is not a port; give a number from 0 to 65535, or none.", "--input", "a=sample:digits", "--watch", "70000")]
    [InlineData("'0,5' is not a number from 0 to 1.", "--input", "a=sample:digits", "--sampling", "temperature:0,5")]
    public void A_mistake_is_named_and_nothing_is_saved(string message, params string[] arguments)
    {
        var (code, text) = Run(arguments);

        code.Should().Be(1);
        text.Should().Contain(message);
        File.Exists(folder["model.safetensors"]).Should().BeFalse();
    }

    [Fact]
    public void Every_place_to_write_to_is_looked_at_before_anything_is_read()
    {
        File.WriteAllText(folder["a file"], "");
        folder.Write("rows.csv", "a,b\n1,2\n");
        string[] input = ["--input", "digits=images:there is no such folder"];

        Mistake(input, "--out", "missing/model.safetensors").Should().StartWith("--out: there is no folder '").And.Contain("missing' for 'model.safetensors'; create it, or name another.");
        Mistake(input, "--out", ".").Should().Be("--out: '.' is a folder; name a file in it.");
        Mistake(input, "--out", "a file/model.safetensors").Should().StartWith("--out: there is no folder");
        Mistake(input, "--out", "/proc/model.safetensors").Should().Be("--out: nothing can be written to the folder '/proc'; name another.");
        Mistake(input, "--checkpoints", "a file").Should().StartWith("--checkpoints: '").And.EndWith("a file' is a file; name a folder.");
        Mistake(input, "--checkpoints", "a file/below").Should().StartWith("--checkpoints: '").And.EndWith("a file' is a file; name a folder.");
        Mistake(input, "--report", "a file").Should().StartWith("--report: '").And.EndWith("a file' is a file; name a folder.");
        Mistake(input, "--checkpoints", "/proc/below").Should().Be("--checkpoints: nothing can be written to the folder '/proc'; name another.");
        Mistake(["--input", "rows=csv:rows.csv"], "--out", "./rows.csv").Should().Be("--out: './rows.csv' is a file of input 'rows'; name another.");
        Directory.GetFileSystemEntries(folder["."]).Should().HaveCount(2, "nothing was made");

        string Mistake(string[] input, params string[] arguments)
        {
            var (code, text) = Run([.. input, .. arguments]);
            code.Should().Be(1);
            return text.Trim();
        }
    }

    [Fact]
    public void A_mistake_in_the_arguments_is_a_line_with_the_nearest_option()
    {
        Run("--input", "a=sample:digits", "--epoch", "3").Should().Be((1, "There is no option --epoch; did you mean --epochs?\nSee --help for the options.\n"));
        Run("--input", "a=sample:digits", "--frobnicate").Should().Be((1, "There is no option --frobnicate.\nSee --help for the options.\n"));
        Run("--input", "a=sample:digits", "--epochs", "0").Should().Be((1, "--epochs: '0' is not a whole number of at least 1.\nSee --help for the options.\n"));
        Run("--input", "a=sample:digits", "3").Should().Be((1, "'3' does not belong to an option.\nSee --help for the options.\n"));
        Run("--input", "a=pictures:x").Should().Be((1, "--input: 'pictures' is not a kind of input; use one of images, csv, idx, npy, sample.\nSee --help for the options.\n"));
        Run("--epochs", "2").Should().Be((1, "Option '--input' is required.\nSee --help for the options.\n"));
        Run("--input", "a=sample:digits", "--epochs").Text.Should().StartWith("Required argument missing for option: '--epochs'.").And.EndWith("\nSee --help for the options.\n");
    }

    [Theory]
    [InlineData("FineTune", "Convolutions per stage of a convnet. Default: 1.")]
    [InlineData("QuickStart", "Training steps. Default: 2000.")]
    public void The_help_says_each_default_once_as_a_user_writes_it(string sample, string line)
    {
        var (code, text) = RunSample(sample, "--help");

        code.Should().Be(0);
        Regex.Replace(text, @"\s+", " ").Should().Contain(line);
        text.Should().NotContain("[default").And.NotContain("z__").And.NotContain("System.").And.NotContain("`").And.NotContain("{");
        Regex.Split(text, @"\n  -").Should().OnlyContain(option => Regex.Count(option, "(?i)default") <= 1);
    }

    [Theory]
    [InlineData("--model: there is no folder '", "--model", "missing/model.safetensors")]
    [InlineData("--model: '.' is a folder; name a file in it.", "--model", ".")]
    [InlineData("--report: there is no folder '", "--report", "missing/report.html")]
    [InlineData("--report: './quickstart.safetensors' is the file of the model; name another.", "--report", "./quickstart.safetensors")]
    [InlineData("There is no model at 'missing.safetensors'.", "--model", "missing.safetensors", "--predict")]
    [InlineData("There is no option --seed; did you mean --seeds?", "--seed", "1")]
    [InlineData("--steps: '0' is not a whole number of at least 1.", "--steps", "0")]
    public void A_mistake_in_QuickStart_s_arguments_is_named_at_once(string message, params string[] arguments)
    {
        var (code, text) = RunSample("QuickStart", arguments);

        code.Should().Be(1);
        text.Should().StartWith(message);
        text.Trim().Split('\n').Should().HaveCountLessThan(4);
    }

    [Fact]
    public void QuickStart_writes_its_report_beside_the_model_and_says_where()
    {
        Directory.CreateDirectory(folder["models"]);
        var (code, text) = RunSample("QuickStart", "--steps", "10", "--model", "models/small.safetensors");

        code.Should().Be(0, text);
        text.Should().Contain("is in models/small.html; open it in a browser.");
        File.ReadAllText(folder["models/small.html"]).Should().Contain("very damp grey soil").And.EndWith("</html>\n");
        new FileInfo(folder["models/small.html"]).Length.Should().BeLessThan(5_000_000);
    }

    [Fact]
    public void Metrics_have_their_names_and_warnings_are_shown()
    {
        folder.Write("cars.csv", "weight,power,mpg\n" + string.Concat(Enumerable.Range(0, 60).Select(row => $"{900 + row},{row % 7},{30 - row / 10.0:0.0}\n")));

        var (code, text) = Run("--input", "cars=csv:cars.csv", "--base", "convnet:4", "--epochs", "1", "--batch-size", "8");

        code.Should().Be(0, text);
        text.Should().MatchRegex(@"epoch 1 of 1, training loss: cars [\d.]+; validation: cars rmse [\d.]+").And.NotMatchRegex(@"metric [\d.]");
        text.Should().Contain("Warning: Task 'cars': its validation set has ").And.MatchRegex(@"\| +rmse \|");
    }

    private (int Code, string Text) Run(params string[] arguments) => RunSample("FineTune", ["--threads", "1", .. arguments]);

    private (int Code, string Text) RunSample(string sample, params string[] arguments)
    {
        var (code, output, errors) = SampleProgram.Run(sample, folder["."], "en_US", arguments);
        return (code, output + errors);
    }
}
