namespace MultiInputNet.Data;

/// <summary>What happens with a row or a file that cannot be read.</summary>
public enum OnBroken
{
    /// <summary>A <see cref="MultiInputException"/> names it.</summary>
    Throw,

    /// <summary>It is skipped and listed.</summary>
    Skip,
}
