namespace MultiInputNet;

/// <summary>Options of every built-in head.</summary>
public sealed record HeadOptions
{
    /// <summary>The width of a hidden layer with a ReLU before the output layer; 0 for none.</summary>
    /// <value>Default: 0.</value>
    public int Hidden { get; init; }

    /// <summary>The dropout probability of each feature in training mode, from 0 to below 1.</summary>
    /// <value>Default: 0.</value>
    public double Dropout { get; init; }

    /// <summary>The number of weights of the layers that <see cref="TaskHead"/> builds from these options, without biases.</summary>
    internal Int128 CountWeights(int features, int outputs) => Hidden > 0
        ? (Int128)features * Hidden + (Int128)Hidden * outputs
        : (Int128)features * outputs;

    internal (string Problem, string Cure)? FindMistake() =>
        Hidden is < 0 or > Limits.LargestSize ? ($"its hidden layer has {Hidden} units.", $"Give a number from 0 (none) to {Limits.LargestSize:N0}.")
        : Dropout is not (>= 0 and < 1) ? ($"its dropout is {Dropout}.", "Give a probability from 0 to below 1.")
        : null;
}
