namespace MultiInputNet;

/// <summary>What kind of answer a task gives.</summary>
public enum PredictionKind
{
    /// <summary>One class out of several, with the probability of each.</summary>
    Class,

    /// <summary>Labels that each apply or not, with the probability of each.</summary>
    Labels,

    /// <summary>Numbers in the unit of the training labels.</summary>
    Values,
}
