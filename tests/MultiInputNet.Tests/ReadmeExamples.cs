using Microsoft.AspNetCore.Builder;
using MultiInputNet.Data;
using MultiInputNet.Hosting;
using MultiInputNet.Images;
using MultiInputNet.Insights;
using MultiInputNet.Onnx;
using MultiInputNet.Terminal;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>The README's C# blocks in its order, each the body of a method, word for word.</summary>
internal static class ReadmeExamples
{
    public static void A_model_in_ten_lines()
    {
        using var model = MultiInputModel.Define()
            .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
            .Input("land", Inputs.Image(channels: 4, height: 3, width: 3))
            .Base(Bases.ConvNet(channels: 32))
            .Task("digit", Heads.Classification(classes: 10))
            .Task("land", Heads.Classification(classes: 6))
            .Build();

        Console.WriteLine(model.Summary());
        Console.WriteLine(string.Join(", ", model.forward(rand(5, 4, 3, 3), "land").shape)); // 5, 6
    }

    public static void Several_inputs_and_several_tasks()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 32, width: 32))
            .Input("sensor", Inputs.Sequence(features: 2, length: 100))
            .Input("record", Inputs.Tabular(features: 12))
            .Base(Bases.ConvNet(channels: 16, 32, 64))
            .Fusion(Fusions.GlobalAverage())
            .Task("species", Heads.Classification(classes: 5), from: ["photo"], fusion: Fusions.Attention(heads: 4))
            .Task("tags", Heads.MultiLabel(labels: 8), from: ["photo"])
            .Task("weight", Heads.Regression(outputs: 1), from: ["photo", "sensor", "record"], fusion: Fusions.Concat())
            .Build();

        var outputs = model.forward(new Dictionary<string, Tensor>
        {
            ["photo"] = rand(4, 3, 32, 32),
            ["sensor"] = rand(4, 2, 100),
            ["record"] = rand(4, 12),
        });
        Console.WriteLine(string.Join(", ", outputs.Keys)); // species, tags, weight
    }

    public static void A_base_of_your_own()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 32, width: 32))
            .Base(Bases.From("two-convolutions", channels: 8, () => nn.Sequential(
                nn.Conv2d(8, 16, kernel_size: 3), nn.ReLU(), nn.Conv2d(16, 32, kernel_size: 3, stride: 2))))
            .Task("photo", Heads.Classification(classes: 5))
            .Build();
        Console.WriteLine(string.Join(", ", model.forward(rand(2, 3, 32, 32), "photo").shape)); // 2, 5
    }

    public static void Training_with_a_trainer()
    {
        var (digits, land) = (rand(200, 1, 8, 8), rand(300, 4, 3, 3));
        using var model = MultiInputModel.Define()
            .Input("digit", Inputs.Image(1, 8, 8).StandardizedBy(digits))
            .Input("land", Inputs.Image(4, 3, 3).StandardizedBy(land))
            .Base(Bases.ConvNet(channels: 16))
            .Task("digit", Heads.Classification(10, labelSmoothing: 0.1))
            .Task("land", Heads.Classification(6, labelSmoothing: 0.1))
            .Build();

        TensorSource[] sources =
        [
            new("digit", digits, randint(10, [200]).to(ScalarType.Int64)),
            new("land", land, randint(6, [300]).to(ScalarType.Int64)) { BatchSize = 128 },
        ];
        var trainer = new Trainer(model, new() { Epochs = 2, LearningRate = 3e-3, Seed = 1 });
        using var progress = new ConsoleProgress(); // a live line, a line per epoch, warnings
        var history = trainer.Fit(sources, progress: progress);
        progress.Complete(history); // a table
        foreach (var (task, result) in trainer.Evaluate(sources))
            Console.WriteLine($"{task}: {result.Primary} {result.PrimaryValue:0.000}");

        model.Save("model.safetensors");
        using var loaded = MultiInputModel.Load("model.safetensors");
    }

    public static void Training_in_a_loop_of_your_own()
    {
        using var model = MultiInputModel.Define()
            .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
            .Base(Bases.ConvNet(channels: 16))
            .Task("digit", Heads.Classification(classes: 10))
            .Build();
        var (images, labels) = (rand(64, 1, 8, 8), randint(10, [64]).to(ScalarType.Int64));
        var head = model.Head<TaskHead>("digit");
        using var optimizer = optim.AdamW(model.parameters(), lr: 1e-3);

        model.train();
        for (var step = 0; step < 20; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            var loss = head.Loss(model.forward(images, "digit"), labels);
            loss.backward();
            optimizer.step();
            Console.WriteLine($"step {step}: loss {loss.item<float>():0.000}");
        }

        model.eval();
    }

    public static void Evaluating_a_model()
    {
        using var model = MultiInputModel.Define()
            .Input("fruit", Inputs.Image(channels: 1, height: 8, width: 8))
            .Base(Bases.ConvNet(channels: 16))
            .Task("fruit", Heads.Classification(3) with { ClassNames = ["apple", "pear", "plum"] })
            .Build();
        // ... train it ...
        TensorSource[] test = [new("fruit", rand(60, 1, 8, 8), arange(60).remainder(3))];

        var evaluation = new Trainer(model).Evaluate(test, new() { KeepPredictions = true });
        var fruit = evaluation["fruit"];
        foreach (var its in fruit.Classes)
            Console.WriteLine(its); // apple: precision 0.8500, recall 0.8095, F1 0.8293, support 20
        foreach (var cell in fruit.Confusions.Where(cell => cell.Label != cell.Prediction))
            Console.WriteLine($"{cell.Count} of class {cell.Label} taken for class {cell.Prediction}");
        Console.WriteLine(fruit.Calibration); // calibration error 0.0312
        foreach (var sample in fruit.Predictions.Where(its => its.Prediction.ClassIndex != its.Label[0]).Take(5))
            Console.WriteLine(sample); // sample 7: plum (0.512)
        evaluation.SaveCsv("evaluation"); // fruit.metrics.csv, fruit.classes.csv, fruit.confusion.csv, ...
    }

    public static void Seeing_what_a_model_learned()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 16, width: 16))
            .Input("signal", Inputs.Sequence(features: 2, length: 30))
            .Base(Bases.ConvNet(channels: 8, 16))
            .Fusion(Fusions.GlobalAverage())
            .Task("photo", Heads.Classification(3) with { ClassNames = ["cat", "dog", "fox"] })
            .Task("signal", Heads.Classification(2))
            .Build(seed: 0);
        var (photos, signals) = (rand(90, 3, 16, 16), randn(90, 2, 30));
        var numbers = arange(90);
        TensorSource[] sources = [new("photo", photos, numbers.remainder(3)), new("signal", signals, numbers.remainder(2))];

        var rate = new LearningRateFinder(model).Find(sources).Valley ?? 1e-3;
        var history = new Trainer(model, new() { Epochs = 2, LearningRate = rate }).Fit(sources);
        Insight.Report(model, sources, "report.html", new() { History = history });

        // Everything on the page is a method as well.
        using var map = Insight.GradCam(model, "photo", photos[..4]); // where the predicted class comes from
        using var attribution = Insight.IntegratedGradients(model, "signal", signals[..4]);
        Console.WriteLine($"{string.Join('×', map.shape)}, {string.Join('×', attribution.shape)}"); // 4×16×16, 4×2×30
        var gradients = Insight.GradientConflict(model, sources);
        Console.WriteLine($"cosine {gradients.Cosine("photo", "signal"):0.00}"); // below 0, the tasks pull the base apart
        foreach (var advice in Insight.Advise(model, sources, history, gradients))
            Console.WriteLine(advice);
    }

    public static void Fine_tuning_in_stages()
    {
        using var model = MultiInputModel.Define()
            .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
            .Base(Bases.ConvNet(channels: 16) with { Normalization = Normalization.Batch })
            .Task("digit", Heads.Classification(10))
            .Build();
        TensorSource[] sources = [new("digit", rand(200, 1, 8, 8), randint(10, [200]).to(ScalarType.Int64))];

        var trainer = new Trainer(model, new()
        {
            Phases =
            [
                new(epochs: 3, Parts.Heads(), Parts.Projections()),
                new(epochs: 2, Parts.Heads(), Parts.Projections(), Parts.LastBaseStages(1).At(0.1)),
                new(epochs: 2) { LearningRate = 3e-4, LayerDecay = 0.7 }, // everything; earlier base stages learn more slowly
            ],
            WeightAverageDecay = 0.99,
        });
        var history = trainer.Fit(sources);
        history.SaveCsv("history.csv");
        Console.WriteLine($"{history.Epochs.Count} epochs"); // 7 epochs

        model.Freeze(Parts.Base, Parts.Projections("digit")); // for your own training loop
    }

    public static void Stopping_and_going_on()
    {
        using var model = MultiInputModel.Define()
            .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
            .Base(Bases.ConvNet(channels: 16))
            .Task("digit", Heads.Classification(10))
            .Build();
        TensorSource[] sources = [new("digit", rand(200, 1, 8, 8), randint(10, [200]).to(ScalarType.Int64))];
        var trainer = new Trainer(model, new() { Epochs = 5, Checkpoints = new("checkpoints") { EverySteps = 2 } });

        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            stop.Cancel();
        };
        stop.CancelAfter(millisecondsDelay: 50); // or Ctrl-C
        try
        {
            trainer.Fit(sources, cancellationToken: stop.Token);
        }
        catch (OperationCanceledException e)
        {
            Console.WriteLine(e.Message); // ... 'checkpoints/checkpoint-...' holds its state: Resume continues it.
        }

        trainer.Resume(sources);
        Console.WriteLine(model.training); // False
    }

    public static void Growing_a_trained_model()
    {
        using var model = MultiInputModel.Define()
            .Input("pet", Inputs.Image(channels: 3, height: 16, width: 16))
            .Base(Bases.ConvNet(channels: 16) with { Normalization = Normalization.Batch })
            .Task("pet", Heads.Classification(3) with { ClassNames = ["cat", "dog", "fox"] })
            .Build();
        // ... train it ...

        using var grown = model.Grow(
            add => add.Input("xray", Inputs.Image(channels: 1, height: 16, width: 16)).Task("xray", Heads.Classification(2)),
            perInput: PerInput.Normalization, adapters: Adapters.Parallel);
        grown.FreezeAllBut(Parts.InputLayers("xray"), Parts.Projections("xray"), Parts.Heads("xray")); // train the new parts
        using var changed = grown.ReplaceClasses("pet", ["dog", "fox", "owl"]); // dog and fox keep their weights, owl's are new
        using var smaller = changed.RemoveTask("xray");

        model.eval();
        grown.eval();
        var photos = rand(4, 3, 16, 16);
        Console.WriteLine(grown.forward(photos, "pet").eq(model.forward(photos, "pet")).all().ToBoolean()); // True
    }

    public static void A_table_from_a_file()
    {
        File.WriteAllText("passengers.csv", """
            age,port,fare,survived
            30,S,7.5,yes
            NA,C,8.5,no
            40,,9.5,yes
            50,S,,no
            """);

        // To learn from some rows only, add options: new() { TrainingRows = row => row < 3 }.
        var schema = TableSchema.Infer("passengers.csv", targets: ["survived"]);
        var passengers = new CsvSource("passenger", schema, "passengers.csv", onBroken: OnBroken.Skip);
        using var model = MultiInputModel.Define()
            .Input("passenger", schema.Input)
            .Base(Bases.ConvNet(channels: 16))
            .Task("passenger", schema.Head)
            .Build();
        new Trainer(model, new() { Epochs = 3 }).Fit([passengers]);
        model.Save("passengers.safetensors");

        // Later: columns, categories and fill values are stored in the model.
        using var predictor = Predictor.Load("passengers.safetensors");
        var row = new Dictionary<string, string?> { ["age"] = "28", ["port"] = "Q", ["fare"] = null };
        Console.WriteLine($"survived: {predictor.Predict("passenger", row)}"); // survived: yes (0.612)
    }

    public static void Images_from_a_folder()
    {
        var input = Inputs.Image(channels: 3, height: 32, width: 32) with { Resize = Resize.CentreCrop };
        // A folder per class: photos/cat/1.jpg, photos/dog/1.jpg, ...
        var photos = new ImageFolderSource("photo", "photos", input, onBroken: OnBroken.Skip);
        var (training, validation) = photos.Split(validationShare: 0.2, seed: 1);
        using var model = MultiInputModel.Define()
            .Input("photo", input.StandardizedBy(training))
            .Base(Bases.ConvNet(channels: 16, 32))
            .Task("photo", new ClassificationSpec(photos.ClassNames.Count) { ClassNames = photos.ClassNames })
            .Build();
        new Trainer(model, new() { Epochs = 3 }).Fit([training], validation: [validation]);

        Console.WriteLine($"{model.Predict("photo", "new.png").ClassName}; skipped: {photos.Broken.Count}");
    }

    public static void Predicting()
    {
        using (var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 32, width: 32))
            .Input("record", new TabularInput(2)
            {
                Columns = [new NumericColumn("age"), new CategoricalColumn("sex", ["f", "m"])],
            })
            .Base(Bases.ConvNet(channels: 16, 32))
            .Task("species", Heads.Classification(3) with { ClassNames = ["cat", "dog", "owl"] }, from: ["photo"])
            .Task("tags", Heads.MultiLabel(2) with { LabelNames = ["indoors", "asleep"] }, from: ["photo"])
            .Task("healthy", Heads.Classification(2) with { ClassNames = ["no", "yes"] }, from: ["record"])
            .Task("weight", Heads.Regression(1) with { Unit = "kg" }, from: ["photo", "record"], fusion: Fusions.Concat())
            .Build())
        {
            model.Save("model.safetensors"); // after training it
        }

        using var predictor = Predictor.Load("model.safetensors");

        // An image: a path, a stream, the bytes of a file or a tensor.
        var species = predictor.Predict("species", "new.png");
        Console.WriteLine($"{species.ClassName}, probability {species.Probability:0.000}");
        foreach (var (name, probability) in species.Top(2))
            Console.WriteLine($"{name} {probability:0.000}");

        // A row of a table: the texts of its columns, null for a missing value.
        var record = new Dictionary<string, string?> { ["age"] = "3", ["sex"] = null };
        Console.WriteLine(predictor.Predict("healthy", record)); // yes (0.537)

        // Several inputs: every task that they allow is answered.
        var answers = predictor.Predict(
            new Dictionary<string, InputValue> { ["photo"] = ImageValue.FromFile("new.png"), ["record"] = record });
        Console.WriteLine($"{answers["weight"].Value:0.00} {answers["weight"].Unit}");
        Console.WriteLine($"tags: {string.Join(", ", answers["tags"].PresentLabels)}");

        // The rows of a file, without labels and in any order of columns, batch by batch.
        File.WriteAllText("new.csv", "sex,age\nf,2\n,7\n");
        var rows = CsvSource.Unlabelled("record", predictor.Description.Input<TabularInput>("record"), "new.csv");
        foreach (var row in predictor.Predict(rows))
            Console.WriteLine($"{rows.NameOf(row.Row)}: {row["healthy"]}"); // new.csv, line 2: no (0.508)
    }

    public static void Exporting_to_ONNX()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 32, width: 32))
            .Input("record", Inputs.Tabular(new NumericColumn("age"), new CategoricalColumn("sex", ["f", "m"])))
            .Base(Bases.ConvNet(channels: 16, 32))
            .Fusion(Fusions.GlobalAverage())
            .Task("species", Heads.Classification(3), from: ["photo"])
            .Task("weight", Heads.Regression(1), from: ["photo", "record"], fusion: Fusions.Concat())
            .Build();

        model.ExportOnnx("model.onnx"); // photo, record -> species_probabilities, weight_values
        model.ExportOnnx("species.onnx", new() { Tasks = ["species"], RawOutputs = true, DynamicSize = true });

        using var graph = model.ToOnnx(new() { CategoriesAsText = true });
        Console.WriteLine(string.Join(", ", graph.Inputs.Select(input => input.Name))); // photo, record.age, record.sex
    }

    public static async Task Serving_a_model()
    {
        using (var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 32, width: 32))
            .Base(Bases.ConvNet(channels: 16, 32))
            .Task("species", Heads.Classification(3) with { ClassNames = ["cat", "dog", "owl"] }, from: ["photo"])
            .Build())
        {
            model.Save("model.safetensors"); // after training it
        }

        var builder = WebApplication.CreateBuilder(["--urls", "http://127.0.0.1:0"]); // any free port
        builder.Services.AddMultiInputPredictor("model.safetensors", options => options.LargestImage = 2000 * 2000);
        using var app = builder.Build();
        app.MapMultiInputPredictor();
        await app.StartAsync(); // or app.Run(), which returns when the program is told to stop

        using var client = new HttpClient { BaseAddress = new(app.Urls.Single()) };
        using var photo = new ByteArrayContent(File.ReadAllBytes("new.png")) { Headers = { ContentType = new("image/png") } };
        using var answer = await client.PostAsync("/predict/species?top=2", photo);
        Console.WriteLine(await answer.Content.ReadAsStringAsync()); // {"task":"species","kind":"class","class":...
        await app.StopAsync(); // answers what is in flight, then disposes of the model
    }

    public static void Pretrained_bases()
    {
        using (var trained = new ResNetBase(Bases.ResNet18()))
            WeightFile.Write("resnet18.safetensors", trained.state_dict()); // stand-in for a file of trained weights

        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 64, width: 64)) // 0 to 1, normalised with ImageNet's statistics
            .Input("scan", Inputs.Image(channels: 1, height: 64, width: 64), Projections.AdaptedStem(StemMethod.Mean))
            .Input("land", Inputs.Image(4, height: 64, width: 64), Projections.BandStem("red", "green", "blue", "nir"))
            .Input("radar", Inputs.Image(channels: 2, height: 64, width: 64)) // a learned projection to 3 channels
            .Base(Bases.ResNet18())
            .Fusion(Fusions.GlobalAverage())
            .Task("photo", Heads.Classification(classes: 5))
            .Task("scan", Heads.Classification(classes: 2))
            .Task("land", Heads.Classification(classes: 10))
            .Task("radar", Heads.Regression(outputs: 1))
            .Build();
        var report = model.LoadWeights(
            "resnet18.safetensors", new LoadOptions { AddPrefix = "base_model.", Ignore = ["base_model.fc.*"] });
        model.AdaptStems(); // initialises them from the first layer just loaded
        Console.WriteLine(report.IsComplete); // True
        model.Freeze(Parts.BaseStages("stem", "layer1", "layer2"));
    }

    public static void ImageNet_weights()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 64, width: 64)) // 0 to 1
            .Input("scan", Inputs.Image(channels: 1, height: 64, width: 64), Projections.AdaptedStem(StemMethod.Mean))
            .Base(Bases.ResNet18())
            .Fusion(Fusions.GlobalAverage())
            .Task("photo", Heads.Classification(classes: 5))
            .Task("scan", Heads.Classification(classes: 2))
            .Build();
        model.LoadImageNetWeights(); // into the base, and into the scan's stem
        model.Freeze(Parts.Base);    // for a start: train the heads and the stem
        Console.WriteLine(string.Join(", ", model.forward(rand(2, 1, 64, 64), "scan").shape)); // 2, 2
    }

    public static void A_base_from_an_ONNX_file()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(channels: 3, height: 64, width: 64))
            .Base(Bases.Onnx("classifier.onnx")) // up to the last map, or tokens, before its classifier
            .Fusion(Fusions.GlobalAverage())
            .Task("photo", Heads.Classification(classes: 5))
            .Build();
        model.Save("model.safetensors");
        using var loaded = MultiInputModel.Load("model.safetensors"); // needs neither the file nor the package
        Console.WriteLine(string.Join(", ", loaded.forward(rand(2, 3, 64, 64), "photo").shape)); // 2, 5
    }

    public static void Weights_from_elsewhere()
    {
        using var network = nn.Sequential(("features", nn.Linear(8, 4)), ("fc", nn.Linear(4, 1000)));
        WeightFile.Write("pretrained.safetensors", network.state_dict());

        using (var file = WeightFile.Open("pretrained.safetensors"))
        {
            foreach (var entry in file.Entries)
                Console.WriteLine(entry); // features.weight: Float32 (4, 8)
        }

        using var mine = nn.Sequential(("features", nn.Linear(8, 4)), ("fc", nn.Linear(4, 10)));
        var report = mine.LoadWeights("pretrained.safetensors", new LoadOptions { Ignore = ["fc.*"] });
        Console.WriteLine(report);
        Console.WriteLine(report.IsComplete); // True
    }

    public static void A_mistake_and_its_message()
    {
        try
        {
            MultiInputModel.Define()
                .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
                .Base(Bases.ConvNet(channels: 16))
                .Fusion(Fusions.Attention(heads: 3))
                .Task("digit", Heads.Classification(classes: 10))
                .Build();
        }
        catch (MultiInputException e)
        {
            Console.WriteLine(e.Message);
        }
    }
}
