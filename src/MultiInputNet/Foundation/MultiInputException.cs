namespace MultiInputNet;

/// <summary>
/// The one exception of this library for a description that cannot be built, a batch that does not fit its model, or a
/// file that does not hold one. Its message names the input or task, the component, what was found and what to change.
/// </summary>
public sealed class MultiInputException : Exception
{
    /// <summary>Creates the exception from its three parts; the message joins them.</summary>
    /// <param name="subject">What it is about, such as <c>input 'digit'</c> or <c>task 'land'</c>.</param>
    /// <param name="component">Where it happened.</param>
    /// <param name="problem">What was found, shapes included.</param>
    /// <param name="cure">What to change.</param>
    /// <param name="innerException">What libtorch or the operating system said, if it was the cause.</param>
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

    /// <summary>Where it happened.</summary>
    public ModelComponent Component { get; }

    /// <summary>What was found.</summary>
    public string Problem { get; }

    /// <summary>What to change.</summary>
    public string Cure { get; }

    private static string Capitalize(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
