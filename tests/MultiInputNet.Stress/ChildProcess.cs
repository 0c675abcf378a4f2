using System.Diagnostics;

namespace MultiInputNet.Stress;

/// <summary>This program as a process of its own, which is killed when this one is done with it.</summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process process;
    private readonly Task<string> errors;

    public ChildProcess(params IEnumerable<string> args)
    {
        process = Process.Start(new ProcessStartInfo("dotnet", [typeof(ChildProcess).Assembly.Location, .. args])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        errors = process.StandardError.ReadToEndAsync();
    }

    public int Id => process.Id;

    /// <summary>The next line that it prints; null once it has ended.</summary>
    public string? Read() => process.StandardOutput.ReadLine();

    /// <summary>Lets it go on where it waits for a line.</summary>
    public void GoOn()
    {
        process.StandardInput.WriteLine();
        process.StandardInput.Flush();
    }

    /// <summary>Ends it at once (SIGKILL).</summary>
    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    /// <summary>Asks it to end (SIGTERM).</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits for its end and gives its exit code and what it said of errors.</summary>
    /// <param name="mostBytes">The memory above which it is killed before it takes the machine along.</param>
    public (int Code, string Errors) WaitForExit(long mostBytes = long.MaxValue)
    {
        while (!process.WaitForExit(milliseconds: 20))
        {
            if (Memory() > mostBytes)
            {
                Kill();
                return (-1, FormattableString.Invariant($"It took more than {mostBytes >> 20:N0} MB and was killed."));
            }
        }

        return (process.ExitCode, errors.Result.Trim());

        long Memory()
        {
            try
            {
                process.Refresh();
                return process.WorkingSet64;
            }
            catch (InvalidOperationException)
            {
                return 0; // it ended just now
            }
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
            Kill();
        process.Dispose();
    }
}
