using System.Diagnostics;
using MultiInputNet.Tests.Data;

namespace MultiInputNet.Tests;

/// <summary>samples/FineTune, asked to end and started again elsewhere.</summary>
public sealed class FineTuneStopTests : IDisposable
{
    private static readonly string[] options = ["--input", "digits=sample:digits", "--base", "convnet:8,8", "--average", "0.9", "--phases", "heads@0.5:1,all:2", "--checkpoints", "checkpoints"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_request_to_end_leaves_a_checkpoint_that_goes_on_in_another_culture_though_the_last_file_is_damaged()
    {
        if (OperatingSystem.IsWindows())
            return; // has no such request
        using (var first = Start("en_US", [.. options, "--steps-per-epoch", "4000"]))
        {
            while (Checkpoints().Length == 0 && !first.HasExited)
                await Task.Delay(20);
            Process.Start("kill", ["-TERM", $"{first.Id}"]).WaitForExit();
            var (code, output, errors) = await first.Finish();
            code.Should().Be(1);
            (output + errors).Should().Contain("The training was stopped after step").And.Contain("--resume");
        }

        // Two that go on to one end: one of all files, and one that has lost the last.
        Directory.Delete(folder["checkpoints"], recursive: true);
        (await Finish("en_US", "--steps-per-epoch", "10", "--out", "whole.safetensors")).Code.Should().Be(0);
        var last = Checkpoints().Max(StringComparer.Ordinal)!;
        var bytes = File.ReadAllBytes(last);
        bytes[^1] ^= 1;
        File.WriteAllBytes(last, bytes);
        var refused = await Finish("de_DE", "--steps-per-epoch", "10", "--out", "again.safetensors", "--resume");
        var resumed = await Finish("de_DE", "--steps-per-epoch", "10", "--out", "again.safetensors", "--resume", "--allow-earlier");

        refused.Code.Should().Be(1);
        refused.Text.Should().Contain("does not match its checksum");
        resumed.Code.Should().Be(0, resumed.Text);
        resumed.Text.Should().Contain("does not match its checksum").And.Contain(".damaged");
        File.ReadAllBytes(folder["again.safetensors"]).Should().Equal(File.ReadAllBytes(folder["whole.safetensors"]));
    }

    private string[] Checkpoints() => Directory.Exists(folder["checkpoints"]) ? Directory.GetFiles(folder["checkpoints"], "*.safetensors") : [];

    private async Task<(int Code, string Text)> Finish(string culture, params string[] more)
    {
        using var process = Start(culture, [.. options, .. more]);
        var (code, output, errors) = await process.Finish();
        return (code, (output + errors).ReplaceLineEndings(" "));
    }

    private Process Start(string culture, string[] arguments) => SampleProgram.Start("FineTune", folder["."], culture, ["--threads", "1", .. arguments]);
}
