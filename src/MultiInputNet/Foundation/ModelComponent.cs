namespace MultiInputNet;

/// <summary>What an error is about: the components of a model in the order in which data flows, and what surrounds them.</summary>
public enum ModelComponent
{
    /// <summary>The description as a whole: names, and what refers to what.</summary>
    Description,

    /// <summary>What arrives: its shape, data type and device.</summary>
    Input,

    /// <summary>The input's own module in front of the base.</summary>
    Projection,

    /// <summary>The shared base.</summary>
    Base,

    /// <summary>From feature maps to one feature vector per sample.</summary>
    Fusion,

    /// <summary>A task's output layer.</summary>
    Head,

    /// <summary>The labels that a loss or a metric compares with.</summary>
    Target,

    /// <summary>Training and evaluation.</summary>
    Training,

    /// <summary>A file on disk.</summary>
    File,

    /// <summary>The libtorch that everything runs on.</summary>
    Backend,
}
