namespace MultiInputNet.Insights;

/// <summary>The gradients that tasks put on the base at a step of a training.</summary>
public sealed class RecordedGradients
{
    /// <summary>Steps done.</summary>
    public required long Step { get; init; }

    /// <summary>The gradients, with the weights after that step.</summary>
    public required TaskGradients Gradients { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
