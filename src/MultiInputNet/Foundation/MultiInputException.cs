namespace MultiInputNet;

/// <summary>
/// The exception of this library for a description that cannot be built, a batch that does not fit its model, or a file that does not
/// hold one. Its message names the input or task, the component, what was found and what to change.
/// </summary>
public sealed class MultiInputException : Exception
{
    /// <summary>Creates the exception from its three parts; the message joins them.</summary>
    /// <param name="subject">What it is about, such as <c>input 'digit'</c> or <c>task 'land'</c>.</param>
    /// <param name="component">The component concerned.</param>
    /// <param name="problem">What was found, shapes included.</param>
    /// <param name="cure">What to change.</param>
    /// <param name="innerException">The underlying error from libtorch or the operating system, if there is one.</param>
    public MultiInputException(string subject, ModelComponent component, string problem, string cure, Exception? innerException = null)
        : base($"{Capitalize(subject)}, {component.ToString().ToLowerInvariant()}: {problem} {cure}", innerException)
    {
        Subject = subject;
        Component = component;
        Problem = problem;
        Cure = cure;
    }

    /// <summary>What the message is about, such as <c>input 'digit'</c>.</summary>
    public string Subject { get; }

    /// <summary>The component concerned.</summary>
    public ModelComponent Component { get; }

    /// <summary>What was found.</summary>
    public string Problem { get; }

    /// <summary>What to change.</summary>
    public string Cure { get; }

    /// <summary>Whether a training diverged: a loss, a gradient or a statistic is not finite.</summary>
    internal bool IsDivergence { get; init; }

    private static string Capitalize(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
