using MultiInputNet;
using Spectre.Console;
using static TorchSharp.torch;

/// <summary>The published bases: parameters, multiply-accumulate operations, and the time of an inference against ResNet-18's.</summary>
internal static class BaseTable
{
    private const int Size = 224;

    public static Table Measure(int pairs)
    {
        var table = new Table().Border(TableBorder.Markdown);
        table.AddColumns("base", "parameters", "GMACs", "map", "time over ResNet-18's", "quartiles");
        var x = rand(1, 3, Size, Size);
        using var resnet18 = Model(Bases.ResNet18());
        foreach (var (name, spec) in Bases.Published)
        {
            using var model = Model(spec);
            var ratios = new Comparison(name, () => Infer(model, x), () => Infer(resnet18, x)).Run(pairs);
            var sharedBase = model.children().OfType<SharedBase>().Single();
            var map = Infer(model, x);
            table.AddRow(
                name,
                $"{sharedBase.parameters().Sum(parameter => parameter.numel()):N0}",
                $"{Macs(model) / 1e9:0.000}",
                string.Join('×', map.Skip(1)),
                $"{ratios.Median:0.00}",
                $"{ratios.LowerQuartile:0.00} to {ratios.UpperQuartile:0.00}");
            Console.Error.WriteLine(name);
        }

        return table;
    }

    private static MultiInputModel Model(BaseSpec spec)
    {
        var model = MultiInputModel.Define().Input("x", Inputs.Image(3, Size, Size)).Base(spec).Fusion(Fusions.GlobalAverage()).Task("x", Heads.Regression(1)).Build(CPU);
        model.eval();
        return model;
    }

    private static long[] Infer(MultiInputModel model, Tensor x)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return model.forward_features(new Dictionary<string, Tensor> { ["x"] = x })["x"].shape;
    }

    /// <summary>The model's table says them: of the input with its base.</summary>
    private static long Macs(MultiInputModel model) => long.Parse(
        model.Summary().Split('\n').First(line => line.StartsWith("x ", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1].Replace(",", ""),
        System.Globalization.CultureInfo.InvariantCulture);
}
