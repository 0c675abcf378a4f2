using System.Diagnostics;
using System.Reflection;

namespace MultiInputNet.Hosting.Tests;

/// <summary>samples/Serve, running.</summary>
internal sealed class SampleServer : IDisposable
{
    private const string Listening = "Now listening on: ";

    private readonly Process process;

    /// <summary>Starts it on a free port and waits until it listens.</summary>
    public SampleServer(params string[] arguments)
    {
        var program = typeof(SampleServer).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "Serve").Value!;
        process = Process.Start(new ProcessStartInfo("dotnet", [Path.GetFullPath(program), .. arguments, "--urls", "http://127.0.0.1:0"])
        {
            RedirectStandardOutput = true,
        })!;
        var lines = new List<string>();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            lines.Add(line);
            if (line.IndexOf(Listening, StringComparison.Ordinal) is >= 0 and var index)
            {
                Address = new(line[(index + Listening.Length)..]);
                _ = process.StandardOutput.ReadToEndAsync();
                return;
            }
        }

        process.Dispose();
        throw new InvalidOperationException($"The program ended before it listened: {string.Join('\n', lines)}");
    }

    public Uri Address { get; }

    /// <summary>The native libraries that it has loaded (Linux).</summary>
    public string Libraries => File.ReadAllText($"/proc/{process.Id}/maps");

    public void Dispose()
    {
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
    }
}
