using System.Diagnostics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>In a process of its own, which oneDNN tells what it runs, limited to the instructions of older CPUs.</summary>
public sealed class PackedWeightsTests
{
    private const string Ready = "loaded";

    // With AVX2, oneDNN takes another layout for single samples than for batches, and changes the weights at each call where it must.
    [Theory]
    [InlineData("AVX2")]
    [InlineData("ALL")]
    public void Calls_take_weights_in_the_layout_in_which_they_are(string instructions)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return;

        var calls = Run(instructions).Split('\n').SkipWhile(line => line != Ready).Where(line => line.Contains(",exec,", StringComparison.Ordinal)).ToArray();

        calls.Should().Contain(line => line.Contains(",convolution,", StringComparison.Ordinal));
        calls.Should().NotContain(line => line.Contains(",reorder,", StringComparison.Ordinal));
    }

    /// <summary>Predicts for batches of several sizes.</summary>
    public static int Predict()
    {
        set_num_threads(2);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define().Input("x", Inputs.Image(3, 32, 32)).Base(Bases.ConvNet(3, 64, 128)).Fusion(Fusions.GlobalAverage())
            .Task("x", Heads.Regression(1)).Build(CPU, seed: 1);
        using var fast = InferencePaths.Find(model.Built.Paths, batchSize: 32)!;
        Console.Out.WriteLine(Ready);
        foreach (var count in new[] { 1, 2, 8, 32 })
            fast.Run(model.Built.Paths[0], rand(count, 3, 32, 32));
        return 0;
    }

    private static string Run(string instructions)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(PackedWeightsTests).Assembly.Location, "predict"]) { RedirectStandardOutput = true };
        start.Environment["ONEDNN_VERBOSE"] = "1";
        start.Environment["ONEDNN_MAX_CPU_ISA"] = instructions;
        using var process = Process.Start(start)!;
        var printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(0);
        return printed;
    }
}
