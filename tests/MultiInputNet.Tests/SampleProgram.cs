using System.Diagnostics;
using System.Reflection;

namespace MultiInputNet.Tests;

/// <summary>A program of samples/, run as a person runs it.</summary>
internal static class SampleProgram
{
    /// <summary>Starts it.</summary>
    /// <param name="sample">Its name.</param>
    /// <param name="folder">The folder that it runs in.</param>
    /// <param name="culture">Its culture, where the tests have ICU.</param>
    /// <param name="arguments">Its arguments.</param>
    public static Process Start(string sample, string folder, string culture, params IEnumerable<string> arguments)
    {
        var program = typeof(SampleProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(data => data.Key == sample).Value!;
        var start = new ProcessStartInfo("dotnet", [program, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = $"{culture}.UTF-8";

        // Where the tests have ICU, the program has it too.
        if (!AppContext.TryGetSwitch("System.Globalization.Invariant", out var isInvariant) || !isInvariant)
            start.Environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "0";
        return Process.Start(start)!;
    }

    /// <summary>Waits for its end.</summary>
    public static async Task<(int Code, string Output, string Errors)> Finish(this Process process)
    {
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await errors);
    }

    /// <summary>Starts it and waits for its end.</summary>
    public static (int Code, string Output, string Errors) Run(string sample, string folder, string culture, params IEnumerable<string> arguments)
    {
        using var process = Start(sample, folder, culture, arguments);
        return process.Finish().GetAwaiter().GetResult();
    }
}
