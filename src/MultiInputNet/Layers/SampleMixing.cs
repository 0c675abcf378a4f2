namespace MultiInputNet;

/// <summary>When the output of a base for a sample may depend on the other samples in its batch.</summary>
internal enum SampleMixing
{
    /// <summary>Always, or unknown.</summary>
    Always,

    /// <summary>In training: because of batch normalisation, or because random numbers are drawn for a batch as a whole.</summary>
    InTraining,

    /// <summary>Never: each sample is processed on its own.</summary>
    Never,
}
