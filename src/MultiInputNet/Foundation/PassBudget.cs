using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Bounds what a dummy pass takes in memory: a description can declare an image of any size with next to no weights. A layer's result is
/// asked for before the layer runs, and counts until it is disposed of.
/// </summary>
/// <param name="subject">What the pass is of, for the message.</param>
/// <param name="most">The most values at one time.</param>
internal sealed class PassBudget(string subject, long most)
{
    private readonly List<Tensor> results = [];

    /// <summary>Throws where so many more values are too many.</summary>
    /// <exception cref="MultiInputException">They are.</exception>
    public void Require(long values)
    {
        results.RemoveAll(result => result.IsInvalid);
        var all = results.Aggregate((Int128)values, (sum, result) => sum + result.numel());
        if (all > most)
        {
            throw new MultiInputException(
                subject,
                ModelComponent.Input,
                $"one sample has maps of {all:N0} values in memory at one time, and {most:N0} are the most that a file may ask for.",
                "Where you trust the file and have the memory, 4 bytes for each value, load it with a higher largestPass.");
        }
    }

    /// <summary>Counts a result.</summary>
    public void Add(Tensor result) => results.Add(result);
}
