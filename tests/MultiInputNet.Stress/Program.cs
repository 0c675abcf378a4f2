using System.Diagnostics;
using System.Globalization;
using MultiInputNet.Stress;

// Runs the library under conditions that break programs at random: see the class of each command.
// A command runs for about the given seconds, 30 if none are given, prints what it did and ends with 0; whatever goes wrong ends it otherwise.
var commands = new Dictionary<string, Func<TimeSpan, string>>
{
    ["gc"] = GarbageStress.Run,
};
var seconds = 30;
if (!commands.TryGetValue(args.FirstOrDefault(""), out var command)
    || (args.Length > 1 && !(args is [_, "--seconds", var text] && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seconds))))
{
    Console.Error.WriteLine($"Give a command and how long it runs: {string.Join('|', commands.Keys)} [--seconds N]");
    return 2;
}

var clock = Stopwatch.StartNew();
var report = command(TimeSpan.FromSeconds(seconds));
Console.WriteLine($"{args[0]}: {report}, in {clock.Elapsed.TotalSeconds:0} s");
return 0;
