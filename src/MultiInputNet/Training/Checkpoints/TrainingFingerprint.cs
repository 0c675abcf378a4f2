namespace MultiInputNet.Training;

/// <summary>
/// What must be the same when a training resumes from a checkpoint: options, the model's description and the content of the sources.
/// </summary>
internal static class TrainingFingerprint
{
    /// <summary>Its name for the model's description.</summary>
    public const string ModelName = "model";

    /// <summary>Each thing by its name.</summary>
    public static Dictionary<string, string> Of(TrainingSetup training)
    {
        var (options, sources, validation) = (training.Options, training.Sources, training.Validation);
        var fingerprint = new Dictionary<string, string>(options.Fingerprint())
        {
            [ModelName] = training.Model.Description.ToJson(),
            ["sources"] = Shapes.Names(sources.Select(source => source.Name)),
            ["validation sources"] = Shapes.Names(validation.Select(source => source.Name)),
        };
        var parts = sources.SelectMany(source => SourceFingerprint.Of("source", source, source.BatchSize ?? options.BatchSize))
            .Concat(validation.SelectMany(source => SourceFingerprint.Of("validation source", source, batchSize: null)));
        foreach (var (name, value) in parts)
            fingerprint.Add(name, value);
        return fingerprint;
    }
}
