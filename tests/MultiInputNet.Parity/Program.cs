using System.CommandLine;
using System.Globalization;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Weights;
using static TorchSharp.torch;

// Runs a base with given weights on a given input, for comparison with torchvision: see compare.py.
var name = new Option<string>("--base") { Description = "The base.", Required = true };
name.AcceptOnlyFromAmong([.. Bases.Published.Keys]);
var weights = new Option<FileInfo>("--weights") { Description = "A .pth or safetensors file with torchvision's names; those of a classifier are ignored.", Required = true };
var input = new Option<FileInfo>("--input") { Description = "An .npy file, float32, (batch, channels, height, width), already normalised; 3 channels unless --stem is given.", Required = true };
var output = new Option<FileInfo>("--output") { Description = "Where to write the feature map, an .npy file.", Required = true };
var stem = new Option<(int Channels, StemMethod Method)?>("--stem")
{
    Description = $"CHANNELS:METHOD, adapts the base's first layer to an input with that many channels, by one of {string.Join(", ", Enum.GetNames<StemMethod>())}.",
    CustomParser = result =>
    {
        if (result.Tokens[0].Value.Split(':') is [var channels, var method]
            && int.TryParse(channels, CultureInfo.InvariantCulture, out var count) && count > 0
            && Enum.GetNames<StemMethod>().FirstOrDefault(known => known.Equals(method, StringComparison.OrdinalIgnoreCase)) is { } found)
            return (count, Enum.Parse<StemMethod>(found));
        result.AddError($"--stem: '{result.Tokens[0].Value}' is not CHANNELS:METHOD, such as 13:Repeat.");
        return null;
    },
};
var command = new RootCommand("Runs a base with given weights on a given input.") { name, weights, input, output, stem };
command.SetAction(arguments =>
{
    if (CommandLine.FindOutputMistake(output.Name, arguments.GetRequiredValue(output).ToString()) is { } mistake)
    {
        Console.Error.WriteLine(mistake);
        return 1;
    }

    using var scope = NewDisposeScope();
    using var noGrad = no_grad();
    using var x = NumpyFile.Read(arguments.GetRequiredValue(input).FullName);
    var adapted = arguments.GetValue(stem);
    var spec = Inputs.Image(adapted?.Channels ?? 3, (int)x.shape[2], (int)x.shape[3]);
    using var model = MultiInputModel.Define()
        .Input("x", spec, adapted is var (_, method) ? Projections.AdaptedStem(method) : Projections.Identity())
        .Base(Bases.Published[arguments.GetRequiredValue(name)] with { ImageNetNormalization = false })
        .Fusion(Fusions.GlobalAverage())
        .Task("x", Heads.Regression(1))
        .Build(CPU);
    Load(model, arguments.GetRequiredValue(weights).FullName);
    model.AdaptStems();
    model.eval();
    var map = model.forward_features(new Dictionary<string, Tensor> { ["x"] = x })["x"];
    NumpyFile.Write(arguments.GetRequiredValue(output).FullName, map);
    Console.WriteLine($"({string.Join(", ", map.shape)})");
    return 0;
});
return CommandLine.Run(command, args);

static void Load(MultiInputModel model, string path)
{
    var report = model.LoadWeights(path, new LoadOptions { AddPrefix = "base_model.", Strict = false });
    Console.WriteLine(report);
    if (report.Missing.Count + report.OtherShape.Count > 0)
        throw new MultiInputException($"file '{path}'", ModelComponent.File, "it does not have all weights of the base.", "Name the base that they are of.");
}
