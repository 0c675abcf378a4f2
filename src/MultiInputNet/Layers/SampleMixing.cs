namespace MultiInputNet;

/// <summary>When what a base makes of a sample may depend on which other samples are in its batch.</summary>
internal enum SampleMixing
{
    /// <summary>Or it is not known that it doesn't.</summary>
    Always,

    /// <summary>In training: by batch normalisation, or since random numbers are drawn for a batch as a whole.</summary>
    InTraining,

    /// <summary>Each sample goes through on its own.</summary>
    Never,
}
