using System.Globalization;
using System.Text;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Prints the structure of a model.</summary>
internal static class ModelSummary
{
    public static string Print(BuiltModel model, Device device, IEnumerable<string> warnings)
    {
        var text = new StringBuilder();
        Table(
            text,
            ["input", "kind", "shape", "projected", "base output", "parameters", "MACs"],
            model.Paths.Select(path => new[]
            {
                path.Name,
                path.Spec.Kind,
                Shapes.Sizes(path.Spec.Shape),
                path.Projected.ToString(),
                path.Features.ToString(),
                Number(path.ProjectionModules.Sum(Parameters) + (path.Own is null ? 0 : Parameters(path.Own))),
                Number(path.Macs),
            }));
        text.AppendLine();
        Table(
            text,
            ["task", "reads", "fusion", "features", "head", "parameters", "MACs"],
            model.Routes.Select(route => new[]
            {
                route.Task,
                string.Join(" + ", route.Inputs),
                route.SharesFusion ? $"{route.FusionTitle}, shared" : route.FusionTitle,
                Number(route.Features),
                model.Description.Tasks.First(task => task.Name == route.Task).Head.Title,
                Number((route.SharesFusion ? 0 : Parameters(route.Fusion)) + Parameters(route.Head)),
                Number(route.Macs),
            }));
        text.AppendLine();
        foreach (var group in model.Paths.GroupBy(path => path.Base))
        {
            var shared = string.Join(", ", group.Select(path => path.Name));
            var own = group.First().Own is null ? "" : ", each with parts of its own, which its parameters count";
            text.AppendLine(CultureInfo.InvariantCulture, $"base {group.Key.GetName()}: {Count(group.Key)} parameters, takes {group.Key.Channels} channels, serves {shared}{own}");
            Batches(text, [.. model.Groups.Where(inputs => inputs.Base == group.Key)]);
        }

        if (model.Routes.Where(route => route.SharesFusion).ToArray() is [var sharing, ..] all)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"fusion {sharing.Fusion.GetName()}: {Count(sharing.Fusion)} parameters, shared by {string.Join(", ", all.Select(route => route.Task))}");
        }

        text.Append(CultureInfo.InvariantCulture, $"total: {Count(model.Module)} parameters{Frozen(model.Module)} on {device}; MACs of an input include the base, all for one sample");
        foreach (var warning in warnings)
            text.AppendLine().Append("warning: ").Append(warning);
        return text.ToString();
    }

    /// <summary>Which inputs share a batch in a base.</summary>
    private static void Batches(StringBuilder text, IReadOnlyList<BaseGroup> groups)
    {
        if (groups[0].Mixing == SampleMixing.Never)
        {
            text.AppendLine("  mixes no samples: each input goes through as if alone, and maps of one size are joined for speed only");
            return;
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"  mixes the samples of a batch{(groups[0].Mixing == SampleMixing.InTraining ? " in training" : "")}:");
        foreach (var group in groups)
            text.AppendLine(CultureInfo.InvariantCulture, $"    {string.Join(", ", group.Paths.Select(path => path.Name))} {(group.Paths.Count > 1 ? "together" : "alone")} ({group.Reason})");
    }

    private static void Table(StringBuilder text, string[] header, IEnumerable<string[]> rows)
    {
        string[][] lines = [header, .. rows];
        var widths = header.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        foreach (var line in lines)
        {
            text.AppendLine(string.Join("  ", line.Select((cell, column) =>
                header[column] is "parameters" or "MACs" or "features" ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]))).TrimEnd());
            if (ReferenceEquals(line, header))
                text.AppendLine(string.Join("  ", widths.Select(width => new string('─', width))));
        }
    }

    private static string Frozen(nn.Module module)
    {
        var trained = module.parameters().Where(parameter => parameter.requires_grad).Sum(parameter => parameter.numel());
        return trained == Parameters(module) ? "" : $" ({Number(trained)} of them not frozen)";
    }

    private static long Parameters(nn.Module module) => module.parameters().Sum(parameter => parameter.numel());

    private static string Count(nn.Module module) => Number(Parameters(module));

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
