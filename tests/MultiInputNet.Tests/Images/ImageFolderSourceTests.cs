using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Tests.Data;
using MultiInputNet.Training;
using SkiaSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Images;

public sealed class ImageFolderSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ImageFolderSourceTests()
    {
        // Red and blue squares of several sizes, the brighter the later.
        foreach (var (name, colour) in new[] { ("red", SKColors.Red), ("blue", SKColors.Blue) })
        {
            Directory.CreateDirectory(folder[$"photos/{name}/more"]);
            for (var i = 0; i < 8; i++)
            {
                using var bitmap = new SKBitmap(6 + i, 9);
                bitmap.Erase(new SKColor((byte)(colour.Red * (i + 8) / 16), 0, (byte)(colour.Blue * (i + 8) / 16)));
                using var file = File.Create(folder[$"photos/{name}/{(i == 7 ? "more/" : "")}{i}.png"]);
                bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
            }
        }

        folder.Write("photos/red/notes.txt", "not an image");
    }

    private static ImageInput Input => Inputs.Image(3, 4, 4);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Folders_are_classes_in_alphabetical_order()
    {
        using var scope = NewDisposeScope();
        var source = new ImageFolderSource("photo", folder["photos"], Input);

        source.ClassNames.Should().Equal("blue", "red");
        source.Count.Should().Be(16);
        source.Targets["photo"].data<long>().ToArray().Should().Equal([.. Enumerable.Repeat(0L, 8), .. Enumerable.Repeat(1L, 8)]);
        source.Files[7].Should().EndWith("7.png");
        var batch = source.Read([8, 0]);
        batch.Inputs["photo"].shape.Should().Equal(2, 3, 4, 4);
        (batch.Inputs["photo"][.., .., 0, 0] - tensor([127 / 255f, 0, 0, 0, 0, 127 / 255f]).view(2, 3)).abs().max().item<float>().Should().BeLessThan(1e-6f);
    }

    [Fact]
    public void Other_folders_are_read_with_the_classes_of_training()
    {
        using var scope = NewDisposeScope();
        Directory.Delete(folder["photos/blue"], recursive: true);

        new ImageFolderSource("photo", folder["photos"], Input, classNames: ["blue", "red"]).Targets["photo"].min().item<long>().Should().Be(1);

        var act = () => new ImageFolderSource("photo", folder["photos"], Input, classNames: ["blue"]);
        act.Should().Throw<MultiInputException>().WithMessage("*folder 'red', which is not one of the classes blue*");
    }

    [Fact]
    public void A_broken_file_is_fatal_or_left_out_and_listed()
    {
        using var scope = NewDisposeScope();
        folder.Write("photos/blue/1.png", "broken");
        var act = () => new ImageFolderSource("photo", folder["photos"], Input).Read([0, 1, 2]);
        act.Should().Throw<MultiInputException>().WithMessage("File '*1.png', file: *");

        var source = new ImageFolderSource("photo", folder["photos"], Input, onBroken: OnBroken.Skip);
        source.Broken.Should().BeEmpty();
        foreach (var _ in Enumerable.Range(0, 2))
        {
            var batch = source.Read([0, 1, 2]);
            batch.Rows.Should().Equal(0, 2);
            batch.Inputs["photo"].shape[0].Should().Be(2);
            source.Broken.Single().Place.Should().EndWith("1.png'");
        }
    }

    [Fact]
    public void Statistics_are_those_of_all_images_together()
    {
        using var scope = NewDisposeScope();
        folder.Write("photos/blue/1.png", "broken");
        var source = new ImageFolderSource("photo", folder["photos"], Input, onBroken: OnBroken.Skip);

        var streamed = Input.StandardizedBy(source);

        var whole = Input.StandardizedBy(source.Read([.. Enumerable.Range(0, 16)]).Inputs["photo"]);
        for (var channel = 0; channel < 3; channel++)
        {
            streamed.Mean![channel].Should().BeApproximately(whole.Mean![channel], 1e-6f);
            streamed.StandardDeviation![channel].Should().BeApproximately(whole.StandardDeviation![channel], 1e-6f);
        }

        streamed.StandardDeviation![1].Should().Be(1, "the green channel never changes");
    }

    [Fact]
    public void Statistics_of_many_batches_are_those_of_one()
    {
        using var scope = NewDisposeScope();
        var samples = (rand(200, 2, 3, 3) * 5) + 1000;
        var source = new TensorSource("x", samples, zeros(200, ScalarType.Int64));

        var streamed = Inputs.Image(2, 3, 3).StandardizedBy(source);
        var whole = Inputs.Image(2, 3, 3).StandardizedBy(samples);

        for (var channel = 0; channel < 2; channel++)
        {
            streamed.Mean![channel].Should().BeApproximately(whole.Mean![channel], 1e-9);
            streamed.StandardDeviation![channel].Should().BeApproximately(whole.StandardDeviation![channel], 1e-9);
        }
    }

    [Fact]
    public void A_model_is_trained_on_a_folder()
    {
        using var scope = NewDisposeScope();
        var source = new ImageFolderSource("photo", folder["photos"], Input);
        var (training, validation) = source.Split(0.25, seed: 1);
        random.manual_seed(1);
        using var model = MultiInputModel.Define()
            .Input("photo", Input.StandardizedBy(training))
            .Base(Bases.ConvNet(channels: 8))
            .Task("photo", Heads.Classification(2))
            .Build(CPU);
        var trainer = new Trainer(model, new() { Epochs = 20, BatchSize = 6, LearningRate = 1e-2 });

        trainer.Fit([training]);

        trainer.Evaluate([validation])["photo"].PrimaryValue.Should().Be(1);
    }

    [Fact]
    public void A_folder_without_images_is_refused()
    {
        Directory.CreateDirectory(folder["empty/class"]);

        new Action(() => _ = new ImageFolderSource("photo", folder["empty"], Input)).Should().Throw<MultiInputException>().WithMessage("*no image in a folder of a class*");
        new Action(() => _ = new ImageFolderSource("photo", folder["none"], Input)).Should().Throw<MultiInputException>().WithMessage("Folder '*none'*");
    }

    [Theory]
    [InlineData(".git")]
    [InlineData(".ipynb_checkpoints")]
    [InlineData("__MACOSX")]
    [InlineData("@eaDir")]
    [InlineData("$RECYCLE.BIN")]
    [InlineData("System Volume Information")]
    [InlineData("lost+found")]
    [InlineData("#recycle")]
    public void Hidden_and_system_folders_and_files_are_no_classes_and_no_samples(string name)
    {
        Directory.CreateDirectory(folder[$"photos/{name}"]);
        Directory.CreateDirectory(folder[$"photos/red/{name}"]);
        File.Copy(folder["photos/red/0.png"], folder[$"photos/{name}/0.png"]);
        File.Copy(folder["photos/red/0.png"], folder[$"photos/red/{name}/0.png"]);
        folder.Write("photos/red/._0.png", "AppleDouble");

        var source = new ImageFolderSource("photo", folder["photos"], Input, classNames: ["blue", "red"]);

        source.Count.Should().Be(16);
        new ImageFolderSource("photo", folder["photos"], Input).ClassNames.Should().Equal("blue", "red");
    }

    [Theory]
    [InlineData("blue/up", "..")]
    [InlineData("blue/up", "../..")]
    [InlineData("blue/up", "/")]
    [InlineData("blue/loop", ".")]
    [InlineData("blue/more/loop", "..")]
    [InlineData("blue/other", "../red")]
    [InlineData("blue/other", "../red/more")]
    [InlineData("self", ".")]
    [InlineData("up", "..")]
    [InlineData("twin", "blue")]
    [InlineData("circle", "circle")]
    public void Links_to_folders_that_are_listed_or_hold_them_add_nothing(string link, string target)
    {
        Directory.CreateSymbolicLink(folder[$"photos/{link}"], target);

        var source = new ImageFolderSource("photo", folder["photos"], Input);

        source.ClassNames.Should().Equal("blue", "red");
        source.Files.Should().Equal(Images("photos/blue").Concat(Images("photos/red")));
    }

    [Fact]
    public void Links_to_folders_and_files_elsewhere_are_followed_and_each_file_is_a_sample_once()
    {
        Directory.Move(folder["photos/red"], folder["elsewhere"]);
        Directory.CreateSymbolicLink(folder["photos/red"], "../elsewhere");
        Directory.CreateSymbolicLink(folder["elsewhere/loop"], ".");
        Directory.CreateSymbolicLink(folder["elsewhere/up"], "../photos");
        File.CreateSymbolicLink(folder["photos/blue/0 again.png"], "0.png");
        File.CreateSymbolicLink(folder["elsewhere/blue.png"], "../photos/blue/0.png");
        File.Move(folder["photos/blue/1.png"], folder["1"]);
        File.CreateSymbolicLink(folder["photos/blue/1.png"], "../../1");
        Directory.CreateSymbolicLink(folder["way"], "photos");

        foreach (var way in new[] { "photos", "way", "way/../photos" })
        {
            var source = new ImageFolderSource("photo", folder[way], Input);

            source.ClassNames.Should().Equal("blue", "red");
            source.Files.Should().Equal(Images($"{way}/blue").Concat(Images($"{way}/red")));
            using var scope = NewDisposeScope();
            source.Read([.. Enumerable.Range(0, 16)]).Rows.Should().HaveCount(16);
        }
    }

    [Fact]
    public void Links_that_put_a_file_into_two_classes_are_refused()
    {
        File.Copy(folder["photos/red/0.png"], folder["0.png"]);
        File.CreateSymbolicLink(folder["photos/red/a.png"], "../../0.png");
        File.CreateSymbolicLink(folder["photos/blue/b.png"], folder["0.png"]);

        var act = () => new ImageFolderSource("photo", folder["photos"], Input);

        act.Should().Throw<MultiInputException>().WithMessage("Folder '*photos', file: '*blue/b.png' and '*red/a.png' are the same file, '*0.png', in two classes, 'blue' and 'red'. *");
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/null")]
    [InlineData("/dev/random")]
    [InlineData("/proc/self/mem")]
    [InlineData("/proc/self/status")]
    [InlineData("0.png")]
    [InlineData("nothing.png")]
    [InlineData("pipe")]
    public async Task What_is_named_like_an_image_and_is_no_file_is_broken(string target)
    {
        folder.MakePipe("photos/blue/pipe");
        File.Delete(folder["photos/blue/0.png"]);
        File.CreateSymbolicLink(folder["photos/blue/0.png"], target);
        var source = new ImageFolderSource("photo", folder["photos"], Input, onBroken: OnBroken.Skip);

        var batch = await Task.Run(() => source.Read([0, 1])).WaitAsync(TimeSpan.FromSeconds(10));

        batch.Rows.Should().Equal(1);
        batch.Inputs["photo"].Dispose();
        source.Broken.Single().Place.Should().EndWith("blue/0.png'");
    }

    [Fact]
    public void A_source_of_broken_files_alone_is_an_error_and_a_broken_batch_is_passed_over()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("photo", Input).Base(Bases.ConvNet(channels: 4)).Task("photo", Heads.Classification(2)).Build(CPU);
        var whole = new ImageFolderSource("photo", folder["photos"], Input);
        foreach (var name in new[] { "red", "blue" })
        {
            Directory.CreateDirectory(folder[$"broken/{name}"]);
            for (var i = 0; i < 5; i++)
                folder.Write($"broken/{name}/{i}.png", "broken");
        }

        ImageFolderSource Broken() => new("photo", folder["broken"], Input, onBroken: OnBroken.Skip);
        var options = new TrainerOptions { Epochs = 2, BatchSize = 4, WeightAverageDecay = 0.9, AccumulatedBatches = 2 };
        var first = $"The first of *: file '{folder["broken/blue/0.png"]}': It is not an image";

        new Action(() => new Trainer(model, options).Fit([Broken()]))
            .Should().Throw<MultiInputException>().WithMessage("Source 'photo', training: none of * requested samples could be read*The first of *: file '*.png': It is not an image*");
        new Action(() => new Trainer(model, options).Evaluate([Broken()]))
            .Should().Throw<MultiInputException>().WithMessage($"Source 'photo', training: none of 10 requested samples could be read*{first}*");
        new Action(() => new Trainer(model, options).Evaluate([Broken().Subset([0, 1])])).Should().Throw<MultiInputException>().WithMessage($"*{first}*");
        new Action(() => new Trainer(model, options with { EarlyStopping = new() { Task = "photo" } }).Fit([whole], [Broken()]))
            .Should().Throw<MultiInputException>().WithMessage($"*none of 10 requested samples could be read*{first}*");
        new Action(() => new Trainer(model, options with { FeatureCacheBytes = 0 }).Fit([Broken()])).Should().Throw<MultiInputException>().WithMessage("*could be read*");
        new Action(() => Input.StandardizedBy(Broken())).Should().Throw<MultiInputException>().WithMessage($"*none of its 10 samples can be read*{first}*");

        // With batches of one, some are wholly broken.
        folder.Write("photos/red/1.png", "broken");
        folder.Write("photos/blue/3.png", "broken");
        var partly = new ImageFolderSource("photo", folder["photos"], Input, onBroken: OnBroken.Skip);
        var history = new Trainer(model, new() { Epochs = 2, BatchSize = 1 }).Fit([partly], [partly]);

        history.Epochs[^1].Validation["photo"].Count.Should().Be(14);
        partly.Broken.Should().HaveCount(2);
    }

    private string[] Images(string path) =>
        [.. Enumerable.Range(0, 8).Select(i => folder[$"{path}/{(i == 7 ? "more/" : "")}{i}.png"])];
}
