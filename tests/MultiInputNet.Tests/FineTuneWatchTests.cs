using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using MultiInputNet.Tests.Data;

namespace MultiInputNet.Tests;

/// <summary>The page of a running training of samples/FineTune.</summary>
public sealed class FineTuneWatchTests : IDisposable
{
    private static readonly string[] options = ["--threads", "1", "--input", "digits=sample:digits", "--input", "landsat=sample:landsat", "--base", "convnet:8,8", "--epochs", "200", "--patience", "200", "--steps-per-epoch", "20"];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_running_training_is_shown_on_this_machine_only_until_it_ends()
    {
        if (OperatingSystem.IsWindows())
            return; // has no such request to end
        using var process = SampleProgram.Start("FineTune", folder["."], "de_DE", [.. options, "--watch"]);
        var address = "";
        while (address.Length == 0 && await process.StandardOutput.ReadLineAsync() is { } line)
            address = Regex.Match(line, "The training can be watched at (http://127.0.0.1:[0-9]+/)").Groups[1].Value;
        address.Should().NotBeEmpty();
        using var client = new HttpClient();

        var curves = "";
        for (var attempt = 0; attempt < 600 && !curves.Contains("<svg", StringComparison.Ordinal); attempt++)
        {
            curves = await client.GetStringAsync(new Uri($"{address}curves"));
            await Task.Delay(50);
        }

        curves.Should().MatchRegex(@"<p>Step [\d,]+ of 4,000, epoch \d+ of 200, phase 1 of 1; about \d+:\d\d:\d\d left\.</p>").And.Contain("digits").And.NotContain("<script");
        var page = await client.GetStringAsync(new Uri(address));
        page.Should().Contain("fetch(`/curves?columns=").And.NotMatchRegex("(src|href)=\"(?!data:)");
        (await client.GetAsync(new Uri($"{address}other"))).StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await client.PostAsync(new Uri(address), null)).StatusCode.Should().Be(HttpStatusCode.MethodNotAllowed);
        using var foreign = new HttpRequestMessage(HttpMethod.Get, address);
        foreign.Headers.Host = "example.com";
        ((int)(await client.SendAsync(foreign)).StatusCode).Should().BeInRange(400, 499);

        System.Diagnostics.Process.Start("kill", ["-TERM", $"{process.Id}"]).WaitForExit();
        var (code, _, errors) = await process.Finish();
        code.Should().Be(1, errors);
        await ((Func<Task>)(() => client.GetStringAsync(new Uri(address)))).Should().ThrowAsync<HttpRequestException>();
    }

    [Fact]
    public void A_port_that_is_in_use_is_named_before_the_training()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        var (code, _, errors) = SampleProgram.Run("FineTune", folder["."], "en_US", [.. options, "--watch", $"{port}"]);

        code.Should().Be(1);
        errors.Should().Contain($"the page cannot be served at http://127.0.0.1:{port}/").And.Contain("Give another port");
        File.Exists(folder["model.safetensors"]).Should().BeFalse();
    }
}
