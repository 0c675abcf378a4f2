using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>
/// What heads have to know of their labels before their loss means anything, as a training tells them before its first step.
/// </summary>
internal static class TargetStatistics
{
    /// <summary>
    /// Shows the labels of sources to the heads that are trained and know nothing of them yet. It changes their buffers alone, which an
    /// <see cref="Undisturbed"/> scope restores.
    /// </summary>
    public static void Learn(MultiInputModel model, IReadOnlyList<DataSource> sources)
    {
        foreach (var labels in sources.SelectMany(source => source.Targets).GroupBy(pair => pair.Key, pair => pair.Value))
        {
            using var scope = NewDisposeScope();
            if (model.TaskHead(labels.Key) is { HasTargetStatistics: false } head && head.parameters().Any(parameter => parameter.requires_grad))
                head.StandardizeTargets(cat([.. labels.Select(its => its.to(ScalarType.Float64).cpu())], 0));
        }
    }
}
