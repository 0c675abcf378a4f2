using System.Diagnostics;
using System.Reflection;
using MultiInputNet.Tests.Data;
using MultiInputNet.Weights;
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
        var second = Run("--input", "iris=csv:iris.csv", "--weights", "first.safetensors", "--stages", "heads:1,all@0.1:1", "--out", "second.safetensors");

        first.Code.Should().Be(0, first.Text);
        first.Text.Should().Contain("| digits | image   | 1×8×8 |      10 |").And.Contain("| iris   | tabular | 2     |       2 |");
        using var model = MultiInputModel.Load(folder["first.safetensors"], CPU);
        model.Description.Tasks.Select(task => task.Name).Should().Equal("digits", "iris");
        second.Code.Should().Be(0, second.Text);
        using var smaller = MultiInputModel.Load(folder["second.safetensors"], CPU);
        smaller.Description.Bases.Should().HaveCount(1).And.Subject.Single().Spec.Should().BeEquivalentTo(model.Description.Bases[0].Spec);
    }

    [Fact]
    public void A_published_base_takes_a_file_of_its_weights()
    {
        using var scope = NewDisposeScope();
        using var trunk = new MobileNetV3Base(Bases.MobileNetV3Small());
        WeightFile.Write(folder["weights.safetensors"], trunk.state_dict());

        var (code, text) = Run(
            "--input", "digits=sample:digits", "--base", "mobilenet_v3_small", "--weights", "weights.safetensors", "--stages", "heads:1", "--steps-per-epoch", "2");

        code.Should().Be(0, text);
        using var model = MultiInputModel.Load(folder["model.safetensors"], CPU);
        foreach (var (name, value) in trunk.state_dict())
            model.state_dict()[$"base_model.{name}"].ShouldBeSame(value, name);
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

    [Theory]
    [InlineData("'vgg' is no base", "--input", "a=sample:digits", "--base", "vgg")]
    [InlineData("There is no input 'b'; use one of a.", "--input", "a=sample:digits", "--batch-size", "b=3")]
    [InlineData("missing.csv", "--input", "a=csv:missing.csv")]
    [InlineData("give --checkpoints FOLDER", "--input", "a=sample:digits", "--resume")]
    public void A_mistake_is_named_and_nothing_is_saved(string message, params string[] arguments)
    {
        var (code, text) = Run(arguments);

        code.Should().Be(1);
        text.Should().Contain(message);
        File.Exists(folder["model.safetensors"]).Should().BeFalse();
    }

    private (int Code, string Text) Run(params string[] arguments)
    {
        var program = typeof(FineTuneTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(data => data.Key == "FineTune").Value!;
        var start = new ProcessStartInfo("dotnet", [program, "--threads", "1", .. arguments])
        {
            WorkingDirectory = folder["."],
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, text + errors.Result);
    }
}
