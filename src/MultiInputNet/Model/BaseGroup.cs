namespace MultiInputNet;

/// <summary>
/// Inputs that share a batch wherever their base mixes samples, and are therefore normalised together. This follows from the description
/// alone; the groups are determined once, when the model is built.
/// </summary>
internal sealed record BaseGroup(SharedBase Base, IReadOnlyList<InputPath> Paths)
{
    /// <summary>When the base mixes samples.</summary>
    public SampleMixing Mixing => Paths[0].Mixing;

    /// <summary>Whether it does now.</summary>
    public bool MixesSamples => Mixing switch
    {
        SampleMixing.Never => false,
        SampleMixing.InTraining => Base.training || Base.modules().Any(module => module.training),
        _ => true,
    };

    /// <summary>What separates it from other groups of its base: layers of its own, or the size of its maps.</summary>
    public string Reason => Paths[0].Own is not null ? "layers of its own" : $"maps of {Paths[0].Joining}";

    /// <summary>
    /// Finds the groups: inputs of one base whose maps have the same size where they join, and that have no layers of their own in it.
    /// </summary>
    public static IReadOnlyList<BaseGroup> Find(IEnumerable<InputPath> paths) =>
        [.. paths.GroupBy(path => (path.Base, path.Own, path.Joining)).Select(group => new BaseGroup(group.Key.Base, [.. group]))];
}
