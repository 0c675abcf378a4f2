using MultiInputNet.Images;
using SkiaSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Hosting.Tests;

/// <summary>A model with inputs of every kind and tasks of every kind, its weights random.</summary>
internal static class TestModel
{
    public static string[] Species { get; } = ["cat", "dog", "owl", "bat"];

    public static string[] Colours { get; } = ["red", "green"];

    public static ModelDescription Description { get; } = MultiInputModel.Define()
        .Input("photo", Inputs.Image(channels: 3, height: 16, width: 16))
        .Input("signal", Inputs.Sequence(features: 2, length: 12))
        .Input("words", Inputs.Tokens(vocabulary: 20, length: 6))
        .Input("plain", Inputs.Tabular(features: 3) with { Mean = [1, 2, 3], StandardDeviation = [1, 1, 2] })
        .Input("record", Inputs.Tabular(new NumericColumn("age") { Fill = 40 }, new CategoricalColumn("colour", Colours)) with { DecimalSeparator = ',' })
        .Base(Bases.ConvNet(channels: 4, 8, 8))
        .Fusion(Fusions.GlobalAverage())
        .Task("species", Heads.Classification(classes: 4) with { ClassNames = Species }, from: ["photo"])
        .Task("tags", Heads.MultiLabel(labels: 3), from: ["photo"])
        .Task("signal", Heads.Classification(classes: 2))
        .Task("words", Heads.Classification(classes: 5))
        .Task("plain", Heads.Regression(outputs: 2))
        .Task("record", Heads.Classification(classes: 3))
        .Task("price", Heads.Regression(outputs: 1), from: ["photo", "record"], fusion: Fusions.Concat())
        .Describe();

    public static MultiInputModel Build()
    {
        var model = Description.Build(CPU, seed: 1);
        model.eval();
        return model;
    }

    /// <summary>A photo as a PNG file.</summary>
    public static byte[] Png(int seed = 0, int width = 20, int height = 24)
    {
        using var bitmap = new SKBitmap(width, height);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
                bitmap.SetPixel(x, y, new((byte)((x * 11) + seed), (byte)((y * 7) + (3 * seed)), (byte)(x * y * (seed + 1))));
        }

        return bitmap.Encode(SKEncodedImageFormat.Png, 100).ToArray();
    }

    /// <summary>A file as the library reads it from a disk.</summary>
    public static Tensor Photo(byte[] file)
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, file);
        var photo = ImageFiles.Read(Description.Input<ImageInput>("photo"), path);
        File.Delete(path);
        return photo;
    }

    /// <summary>What the model itself answers to one sample: its output, made probabilities by hand.</summary>
    public static double[] Expected(MultiInputModel model, string task, params (string Input, Tensor Sample)[] sample)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var output = model.forward(sample.ToDictionary(pair => pair.Input, pair => pair.Sample), [task])[task].to(ScalarType.Float64);
        output = task switch
        {
            "tags" => output.sigmoid(),
            "plain" or "price" => output,
            _ => output.softmax(1),
        };
        return output.data<double>().ToArray();
    }
}
