using MultiInputNet;

/// <summary>The models of this sample. Their sizes, and the rates of the training, were chosen on held-out training rows.</summary>
internal static class Models
{
    /// <summary>One base for all data sets.</summary>
    public static ModelDescription Shared(IReadOnlyList<Samples> all) => Describe(all, channels: 48, widths: [64, 128]);

    /// <summary>A model for one data set; four of them have about as many parameters as the shared one.</summary>
    public static ModelDescription Separate(Samples samples) => Describe([samples], channels: 24, widths: [32, 72]);

    private static ModelDescription Describe(IReadOnlyList<Samples> all, int channels, int[] widths)
    {
        var builder = MultiInputModel.Define().Base(Bases.ConvNet(channels, widths) with { Normalization = Normalization.Group });
        foreach (var (data, training, _) in all)
        {
            builder.Input(data.Name, data.Input.StandardizedBy(training.Inputs[data.Name]), data.Projection);
            builder.Task(
                data.Name,
                Heads.Classification(data.ClassNames.Length, labelSmoothing: 0.1, dropout: data.Dropout) with { ClassNames = data.ClassNames });
        }

        return builder.Describe();
    }
}
