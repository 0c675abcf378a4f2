namespace MultiInputNet.Data;

/// <summary>What becomes of a row or a file that cannot be read.</summary>
public enum OnBroken
{
    /// <summary>A <see cref="MultiInputException"/> that names it.</summary>
    Throw,

    /// <summary>It is left out and listed.</summary>
    Skip,
}
