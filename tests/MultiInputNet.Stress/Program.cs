using System.Diagnostics;
using System.Globalization;
using MultiInputNet.Stress;

// Parts of the commands, which run this program in separate processes.
switch (args)
{
    case ["training", var folder, var seed, var number]:
        return InterruptedTraining.Run(folder, int.Parse(seed, CultureInfo.InvariantCulture), int.Parse(number, CultureInfo.InvariantCulture));
    case ["memory-of", var part, var share]:
        TorchSharp.torch.set_num_threads(1); // threads that wait by spinning take time and no memory
        return Report($"memory of {part}", () => MemoryParts.All[part](TimeSpan.FromSeconds(double.Parse(share, CultureInfo.InvariantCulture))));
}

const string Help = """
    Runs the library under conditions that break programs at random, or slowly.

      gc           trains, evaluates, predicts and computes beside a thread that collects garbage, and compares every result with that of
                   the same work without that thread
      checkpoints  kills trainings (SIGKILL) and stops them (SIGTERM) at random moments, resumes from their checkpoints, and compares
                   weights and history with those of an uninterrupted training
      memory       measures the memory of this process with many classes, many loads, hostile files, long trainings and many predictions

      --seconds N  approximate run time; a minimum of work is always done; default: 30
      --seed N     the seed from which checkpoints draws its trainings and moments; default: 1
      --help       this text

    A command prints what it did and exits with 0. If anything goes wrong, it says what and exits with 1. Invalid arguments exit with 2.
    """;
var commands = new Dictionary<string, Func<TimeSpan, int, string>>
{
    ["gc"] = (time, _) => GarbageStress.Run(time),
    ["checkpoints"] = CheckpointStress.Run,
    ["memory"] = (time, _) => MemoryStress.Run(time),
};
if (args.Contains("--help"))
{
    Console.WriteLine(Help);
    return 0;
}

var numbers = new Dictionary<string, int> { ["--seconds"] = 30, ["--seed"] = 1 };
var isRight = commands.TryGetValue(args.FirstOrDefault(""), out var command) && args.Length % 2 == 1;
foreach (var option in args.Skip(1).Chunk(2))
    isRight = isRight && numbers.ContainsKey(option[0]) && int.TryParse(option[1], NumberStyles.None, CultureInfo.InvariantCulture, out var value) && (numbers[option[0]] = value) >= 0;
if (!isRight)
{
    Console.Error.WriteLine($"Usage: {string.Join('|', commands.Keys)} [--seconds N] [--seed N]; see --help.");
    return 2;
}

return Report(args[0], () => command!(TimeSpan.FromSeconds(numbers["--seconds"]), numbers["--seed"]));

static int Report(string name, Func<string> work)
{
    var clock = Stopwatch.StartNew();
    try
    {
        var report = work();
        Console.WriteLine(FormattableString.Invariant($"{name}: {report}, in {clock.Elapsed.TotalSeconds:0} s"));
        return 0;
    }
    catch (Exception e)
    {
        Console.Error.WriteLine(FormattableString.Invariant($"{name} failed after {clock.Elapsed.TotalSeconds:0} s: {(e is StressException ? e.Message : e)}"));
        return 1;
    }
}
