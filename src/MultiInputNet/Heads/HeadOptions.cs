namespace MultiInputNet;

/// <summary>What the heads of every kind can be given.</summary>
public sealed record HeadOptions
{
    /// <summary>The width of a hidden layer with a ReLU in front of the output layer; 0 for none.</summary>
    /// <value>Default: 0.</value>
    public int Hidden { get; init; }

    /// <summary>The chance of each feature to be left out in training mode, from 0 to below 1.</summary>
    /// <value>Default: 0.</value>
    public double Dropout { get; init; }

    /// <summary>The weights of the layers that <see cref="TaskHead"/> makes of these options, without biases.</summary>
    internal Int128 CountWeights(int features, int outputs) => Hidden > 0
        ? (Int128)features * Hidden + (Int128)Hidden * outputs
        : (Int128)features * outputs;

    internal (string Problem, string Cure)? FindMistake() =>
        Hidden is < 0 or > Limits.LargestSize ? ($"its hidden layer has {Hidden} units.", $"Give from 0 (none) to {Limits.LargestSize:N0}.")
        : Dropout is not (>= 0 and < 1) ? ($"its dropout is {Dropout}.", "Give a chance from 0 to below 1.")
        : null;
}
