using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <content>What the methods that attribute outputs to inputs have in common.</content>
public static partial class Insight
{
    private static void Check(MultiInputModel model, string task, IReadOnlyDictionary<string, Tensor> inputs)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(inputs);
    }

    /// <summary>One tensor, for the one input of a task.</summary>
    private static Dictionary<string, Tensor> One(MultiInputModel model, string task, Tensor input)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(input);
        return new() { [TaskCall.OnlyInput(model, task)] = input };
    }

    /// <summary>The same for a tensor that need not be given.</summary>
    private static Dictionary<string, Tensor>? OneOrNone(MultiInputModel model, string task, Tensor? input) => input is null ? null : One(model, task, input);

    private static OrderedDictionary<string, Tensor> ByInput((TaskCall Call, IReadOnlyList<Tensor?> Results) run)
    {
        var results = new OrderedDictionary<string, Tensor>();
        foreach (var (name, result) in run.Call.Route.Inputs.Zip(run.Results))
        {
            if (result is not null)
                results.Add(name, result);
        }

        return results;
    }
}
