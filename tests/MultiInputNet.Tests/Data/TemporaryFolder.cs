using System.Diagnostics;

namespace MultiInputNet.Tests.Data;

/// <summary>A folder for the files of a test, deleted at its end.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("multi-input-net-").FullName;

    /// <summary>The path of a file or folder in it.</summary>
    public string this[string name] => Path.Combine(folder, name);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>The path of a committed fixture.</summary>
    public static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "files", name);

    public string Write(string name, byte[] content)
    {
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    public string Write(string name, string content)
    {
        File.WriteAllText(this[name], content);
        return this[name];
    }

    /// <summary>Makes a named pipe that nobody writes to.</summary>
    public string MakePipe(string name)
    {
        using var process = Process.Start("mkfifo", this[name]);
        process.WaitForExit();
        process.ExitCode.Should().Be(0);
        return this[name];
    }
}
