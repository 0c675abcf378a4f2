namespace MultiInputNet.Weights;

/// <summary>A module with weights that older files lack, and which is complete without them.</summary>
internal interface ILaterWeights
{
    /// <summary>Their names in the module.</summary>
    IReadOnlyList<string> LaterWeights { get; }

    /// <summary>Sets them to the values that correspond to what the module did before it had them.</summary>
    void StartWithoutLaterWeights();
}
