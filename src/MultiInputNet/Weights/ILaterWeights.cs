namespace MultiInputNet.Weights;

/// <summary>A module with weights that files from before it had them lack, and are whole without.</summary>
internal interface ILaterWeights
{
    /// <summary>Their names in the module.</summary>
    IReadOnlyList<string> LaterWeights { get; }

    /// <summary>Gives them the values that stand for what the module did before it had them.</summary>
    void StartWithoutLaterWeights();
}
