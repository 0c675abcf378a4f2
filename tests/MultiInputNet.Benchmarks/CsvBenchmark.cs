using System.Diagnostics;
using System.Globalization;
using MultiInputNet.Data;
using Spectre.Console;
using static TorchSharp.torch;

/// <summary>A CSV file of 500,000 rows and 18 columns: numbers, whole numbers, categories and a label, read by the library and by pandas.</summary>
internal static class CsvBenchmark
{
    private const int Rows = 500_000;

    // Debian's python3-pandas belongs to Debian's interpreter.
    private const string Python = "/usr/bin/python3";

    private const string PandasProgram = """
        import sys, time, pandas
        for _ in range(int(sys.argv[2])):
            start, busy = time.perf_counter(), time.process_time()
            table = pandas.read_csv(sys.argv[1])
            print(time.perf_counter() - start, time.process_time() - busy)
        """;

    public static Table Measure(int repeats)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("multi-input-net-csv-").FullName, "table.csv");
        try
        {
            Write(path);
            var table = new Table().Border(TableBorder.Markdown);
            table.AddColumns("what", "median, s", "least processor time, s");
            Add(table, "CsvTable.Read, Infer and Source: read once", Time(repeats, () =>
            {
                var read = CsvTable.Read(path);
                read.Source("row", read.Infer(["label"]));
            }));
            Add(table, "TableSchema.Infer and CsvSource: read twice", Time(repeats, () => _ = new CsvSource("row", TableSchema.Infer(path, ["label"]), path)));
            Add(table, "CsvTable.Read alone", Time(repeats, () => CsvTable.Read(path)));
            if (Pandas(path, repeats) is { } pandas)
                Add(table, "pandas.read_csv", pandas);
            return table;
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    private static void Write(string path)
    {
        var random = new Random(1);
        using var file = new StreamWriter(path);
        file.WriteLine(string.Join(',', Enumerable.Range(0, 12).Select(i => $"real{i}").Concat(["whole0", "whole1", "whole2", "city", "colour", "label"])));
        for (var row = 0; row < Rows; row++)
        {
            for (var i = 0; i < 12; i++)
                file.Write((random.NextDouble() * 200 - 100).ToString("0.000000", CultureInfo.InvariantCulture) + ",");
            file.WriteLine(FormattableString.Invariant(
                $"{random.Next(100)},{random.Next(100_000)},{(random.Next(50) == 0 ? "" : random.Next(10))},city{random.Next(200)},{(random.Next(2) == 0 ? "red" : "blue")},{(random.Next(2) == 0 ? "yes" : "no")}"));
        }
    }

    private static (double Elapsed, double Busy)[] Time(int repeats, Action run)
    {
        var seconds = new (double, double)[repeats];
        for (var i = 0; i < repeats; i++)
        {
            GC.Collect();
            using var scope = NewDisposeScope();
            var (start, busy) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            run();
            seconds[i] = (Stopwatch.GetElapsedTime(start).TotalSeconds, (Environment.CpuUsage.TotalTime - busy).TotalSeconds);
        }

        return seconds;
    }

    private static (double Elapsed, double Busy)[]? Pandas(string path, int repeats)
    {
        if (!File.Exists(Python))
            return null;
        using var process = Process.Start(new ProcessStartInfo(Python, ["-c", PandasProgram, path, $"{repeats}"]) { RedirectStandardOutput = true })!;
        var lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        return process.ExitCode == 0
            ? [.. lines.Select(line => line.Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray()).Select(pair => (pair[0], pair[1]))]
            : null;
    }

    private static void Add(Table table, string what, (double Elapsed, double Busy)[] seconds) =>
        table.AddRow(what, $"{seconds.Select(time => time.Elapsed).Order().ElementAt(seconds.Length / 2):0.00}", $"{seconds.Min(time => time.Busy):0.00}");
}
