using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Limits the memory of a dummy pass: a description can declare an image of any size with next to no weights. The size of a layer's result
/// is requested before the layer runs, and counts until the result is disposed of.
/// </summary>
/// <param name="subject">What the pass belongs to, for the message.</param>
/// <param name="most">The most values at any one time.</param>
internal sealed class PassBudget(string subject, long most)
{
    private readonly List<Tensor> results = [];

    /// <summary>Throws if that many more values are too many.</summary>
    /// <exception cref="MultiInputException">They are too many.</exception>
    public void Require(long values)
    {
        results.RemoveAll(result => result.IsInvalid);
        var all = results.Aggregate((Int128)values, (sum, result) => sum + result.numel());
        if (all > most)
        {
            throw new MultiInputException(
                subject,
                ModelComponent.Input,
                $"one sample has maps of {all:N0} values in memory at one time, but a file may ask for at most {most:N0}.",
                "If you trust the file and have the memory, 4 bytes per value, load it with a higher largestPass.");
        }
    }

    /// <summary>Counts a result.</summary>
    public void Add(Tensor result) => results.Add(result);
}
