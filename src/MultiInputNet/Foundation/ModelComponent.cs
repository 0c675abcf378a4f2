namespace MultiInputNet;

/// <summary>What an error is about: the components of a model in the order in which data flows, and what surrounds them.</summary>
public enum ModelComponent
{
    /// <summary>The description as a whole: names and references.</summary>
    Description,

    /// <summary>The incoming data: shape, data type and device.</summary>
    Input,

    /// <summary>The input's own module before the base.</summary>
    Projection,

    /// <summary>The shared base.</summary>
    Base,

    /// <summary>From feature maps to one feature vector per sample.</summary>
    Fusion,

    /// <summary>A task's output layer.</summary>
    Head,

    /// <summary>The labels used by a loss or a metric.</summary>
    Target,

    /// <summary>Training and evaluation.</summary>
    Training,

    /// <summary>A file on disk.</summary>
    File,

    /// <summary>The libtorch on which everything runs.</summary>
    Backend,
}
