using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The heads that a task can have.</summary>
public static class Heads
{
    /// <summary>One class out of several. See <see cref="ClassificationHead"/>.</summary>
    /// <param name="classes">The number of classes.</param>
    /// <param name="labelSmoothing">The fraction of the target that is spread over all classes in training mode.</param>
    /// <param name="hidden">The width of a hidden layer; 0 for none.</param>
    /// <param name="dropout">The dropout probability of each feature in training mode.</param>
    /// <returns>The description.</returns>
    public static ClassificationSpec Classification(int classes, double labelSmoothing = 0, int hidden = 0, double dropout = 0) =>
        new(classes) { LabelSmoothing = labelSmoothing, Options = new() { Hidden = hidden, Dropout = dropout } };

    /// <summary>Several labels, each of which independently applies or not. See <see cref="MultiLabelHead"/>.</summary>
    /// <param name="labels">The number of labels.</param>
    /// <param name="hidden">The width of a hidden layer; 0 for none.</param>
    /// <param name="dropout">The dropout probability of each feature in training mode.</param>
    /// <returns>The description.</returns>
    public static MultiLabelSpec MultiLabel(int labels, int hidden = 0, double dropout = 0) =>
        new(labels) { Options = new() { Hidden = hidden, Dropout = dropout } };

    /// <summary>Numbers, in any unit: the head standardises them. See <see cref="RegressionHead"/>.</summary>
    /// <param name="outputs">The number of values per sample.</param>
    /// <param name="hidden">The width of a hidden layer; 0 for none.</param>
    /// <param name="dropout">The dropout probability of each feature in training mode.</param>
    /// <returns>The description.</returns>
    public static RegressionSpec Regression(int outputs, int hidden = 0, double dropout = 0) =>
        new(outputs) { Options = new() { Hidden = hidden, Dropout = dropout } };

    /// <summary>A module of your own: <c>(batch, features)</c> in. Derive it from <see cref="TaskHead"/> to train it with a trainer.</summary>
    /// <param name="name">Its name in the description's JSON.</param>
    /// <param name="factory">Creates a new module for a number of features.</param>
    /// <returns>The description.</returns>
    public static HeadSpec From(string name, Func<int, nn.Module<Tensor, Tensor>> factory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(factory);
        return new CustomHeadSpec(name) { Factory = factory };
    }
}
