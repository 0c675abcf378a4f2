using MultiInputNet.Data;
using MultiInputNet.Tests.Data;
using MultiInputNet.Tests.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>What is read, written and printed is the same wherever the user lives.</summary>
public sealed class CultureTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Culture.Names), MemberType = typeof(Culture))]
    public void Files_are_read_and_written_alike(string culture)
    {
        using var scope = NewDisposeScope();
        var path = folder.Write("table.csv", "size,title,side,price\n1.5,I,-1,-0.25\n-2.75,i,1,1e-3\n1000,İ,-1,0\n,ı,1,12.5\n");
        var array = tensor(new[] { -1.5f, 0.25f });

        var here = Read("here");
        var there = Culture.Under(culture, () => Read("there"));

        there.Schema.Should().Be(here.Schema);
        there.Model.Should().Be(here.Model);
        there.Summary.Should().Be(here.Summary);
        there.Samples.ShouldBeSame(here.Samples);
        foreach (var (task, labels) in there.Targets)
            labels.ShouldBeSame(here.Targets[task], task);
        foreach (var file in new[] { "array.npy", "model.safetensors" })
            File.ReadAllBytes(folder[$"there.{file}"]).Should().Equal(File.ReadAllBytes(folder[$"here.{file}"]));

        (string Schema, string Model, string Summary, Tensor Samples, IReadOnlyDictionary<string, Tensor> Targets) Read(string name)
        {
            var schema = TableSchema.Infer(path, ["side", "price"], new() { Categorical = ["side"] });
            var source = new CsvSource("table", schema, path);
            using var model = MultiInputModel.Define().Input("table", schema.Input).Base(Bases.ConvNet(4, 4) with { Normalization = Normalization.Group })
                .Task("price", Heads.Regression(1, dropout: 0.25), from: ["table"]).Build(CPU, seed: 1);
            model.Save(folder[$"{name}.model.safetensors"]);
            NumpyFile.Write(folder[$"{name}.array.npy"], array);
            using var loaded = MultiInputModel.Load(folder[$"{name}.model.safetensors"], CPU);
            NumpyFile.Read(folder[$"{name}.array.npy"]).ShouldBeSame(array);
            return (string.Join(", ", schema.Targets.Select(target => target.ClassNames is null ? "number" : string.Join('|', target.ClassNames))),
                loaded.Description.ToJson(), model.Summary(), source.Read([0, 1, 2, 3]).Inputs["table"], source.Targets);
        }
    }
}
