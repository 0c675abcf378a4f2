using System.Diagnostics;
using System.Globalization;
using MultiInputNet.Stress;

// What the commands run of this program as processes of their own.
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
                   the same work without it
      checkpoints  kills trainings (SIGKILL) and stops them (SIGTERM) at moments at random, goes on from their checkpoints, and compares
                   weights and history with those of a training that ran through
      memory       measures the memory of this process with many classes, many loads, hostile files, long trainings and many predictions

      --seconds N  about how long the command runs, but never less than its least work; default: 30
      --seed N     what checkpoints draws its trainings and moments from; default: 1
      --help       this text

    A command prints what it did and ends with 0; where anything goes wrong it says what, and ends with 1. Wrong arguments end it with 2.
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
    Console.Error.WriteLine($"Give a command and what it should have: {string.Join('|', commands.Keys)} [--seconds N] [--seed N]; --help says what they do.");
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
