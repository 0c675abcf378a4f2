namespace MultiInputNet.Images;

/// <summary>Predictions from image files, by a <see cref="MultiInputModel"/> as by a <see cref="Predictor"/>.</summary>
public static class ImagePredictorExtensions
{
    /// <summary>The answer of a task that reads one image.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="path">The image file.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="MultiInputException">There is no such task, it does not read one image, or the file cannot be used.</exception>
    public static Prediction Predict(this IPredictor predictor, string task, string path) =>
        predictor.Predict(task, ImageValue.FromFile(path));

    /// <summary>The answer of a task that reads one image.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="stream">The image, read to the end of the stream, which stays open.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="MultiInputException">There is no such task, it does not read one image, or the content cannot be used.</exception>
    public static Prediction Predict(this IPredictor predictor, string task, Stream stream) =>
        predictor.Predict(task, ImageValue.FromStream(stream));

    /// <summary>The answer of a task that reads one image.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="content">The content of an image file.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="MultiInputException">There is no such task, it does not read one image, or the content cannot be used.</exception>
    public static Prediction Predict(this IPredictor predictor, string task, byte[] content) =>
        predictor.Predict(task, ImageValue.FromBytes(content));

    /// <summary>The answers of a task that reads one image, for many files.</summary>
    /// <param name="predictor">A model or a predictor.</param>
    /// <param name="task">The task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="paths">The image files.</param>
    /// <returns>The answer for each file, in their order.</returns>
    /// <exception cref="MultiInputException">There is no such task, it does not read one image, or a file cannot be used.</exception>
    public static IReadOnlyList<Prediction> PredictMany(this IPredictor predictor, string task, IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return predictor.PredictMany(task, paths.Select(path => (InputValue)ImageValue.FromFile(path)));
    }
}
