using MultiInputNet;
using MultiInputNet.Images;
using MultiInputNet.Training;
using SkiaSharp;
using static TorchSharp.torch;

/// <summary>A model evaluated on JPEG files of 240×180 that become images of 64×64; the folder is deleted at the end.</summary>
internal sealed class PhotoFolder : IDisposable
{
    private const int Count = 128;

    private readonly string folder = Directory.CreateTempSubdirectory("multi-input-net-").FullName;
    private readonly MultiInputModel model;
    private readonly ImageFolderSource source;

    public PhotoFolder()
    {
        var random = new Random(0);
        for (var i = 0; i < Count; i++)
        {
            Directory.CreateDirectory(Path.Combine(folder, $"{i % 2}"));
            using var bitmap = new SKBitmap(240, 180);
            for (var y = 0; y < bitmap.Height; y++)
            {
                for (var x = 0; x < bitmap.Width; x++)
                    bitmap.SetPixel(x, y, new((byte)x, (byte)(y + i), (byte)random.Next(64)));
            }

            using var file = File.Create(Path.Combine(folder, $"{i % 2}", $"{i}.jpg"));
            bitmap.Encode(file, SKEncodedImageFormat.Jpeg, 90);
        }

        var input = Inputs.Image(3, 64, 64);
        source = new("photo", folder, input);
        model = MultiInputModel.Define().Input("photo", input).Base(Bases.ConvNet(16, 64, 128)).Task("photo", Heads.Classification(2)).Build(CPU);
        model.eval();
    }

    /// <summary>The library's evaluation.</summary>
    public void Evaluate() => new Trainer(model).Evaluate([source]);

    /// <summary>Reads a batch, runs it, reads the next: the plain loop.</summary>
    public void ReadAndRunInTurns()
    {
        const int batchSize = 64;
        using var noGrad = no_grad();
        var head = model.Head<ClassificationHead>("photo");
        var metrics = head.CreateMetrics();
        for (var start = 0L; start < Count; start += batchSize)
        {
            using var scope = NewDisposeScope();
            var batch = source.Read([.. Enumerable.Range(0, batchSize).Select(i => start + i)]);
            var output = model.forward(batch.Inputs["photo"], "photo");
            var labels = source.Targets["photo"].narrow(0, start, batchSize);
            metrics.Update(output, labels);
            head.Loss(output, labels).item<float>();
        }
    }

    public void Dispose()
    {
        model.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
