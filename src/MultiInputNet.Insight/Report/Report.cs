using System.Text;
using MultiInputNet.Data;

namespace MultiInputNet.Insights;

public static partial class Insight
{
    /// <summary>
    /// Writes a report of a model as one HTML file that needs nothing else: no network and no script, light or dark as the reader's browser
    /// is, and made to be printed. It shows the model, its training, its results on samples, what it looks at, what its inputs share, and
    /// advice.
    /// </summary>
    /// <remarks>
    /// The same model, data and options give the same file. What the report cannot know, such as the history of the training, is given in the
    /// options; a section without it says so. Names and texts of the data are shown as they are, never run as HTML.
    /// </remarks>
    /// <param name="model">The model. It is afterwards as before.</param>
    /// <param name="data">The samples to measure it on and to show, best those that it was not trained on; with labels for results.</param>
    /// <param name="path">The file. An existing one is replaced once the new one is complete.</param>
    /// <param name="options">What it contains; the defaults when null.</param>
    /// <param name="cancellationToken">Ends it between two computations; nothing is written then.</param>
    /// <exception cref="MultiInputException">A source does not fit the model, or the file cannot be written.</exception>
    /// <exception cref="ArgumentException">There is no source, or a composite names an input or a channel that the model does not have.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void Report(
        MultiInputModel model, IReadOnlyList<DataSource> data, string path, ReportOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var page = ReportPage.Write(model, data, options ?? new(), cancellationToken);
        WholeFile.Write(path, file => file.Write(Encoding.UTF8.GetBytes(page)));
    }

    /// <summary>As for several sources, for one and with the defaults.</summary>
    /// <param name="model">The model. It is afterwards as before.</param>
    /// <param name="data">The samples.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="MultiInputException">The source does not fit the model, or the file cannot be written.</exception>
    public static void Report(MultiInputModel model, DataSource data, string path)
    {
        ArgumentNullException.ThrowIfNull(data);
        Report(model, [data], path);
    }

    /// <summary>As for a file, to a stream, which stays open.</summary>
    /// <param name="model">The model. It is afterwards as before.</param>
    /// <param name="data">The samples.</param>
    /// <param name="stream">Where the page is written to, in UTF-8, once it is complete.</param>
    /// <param name="options">What it contains; the defaults when null.</param>
    /// <exception cref="MultiInputException">A source does not fit the model.</exception>
    /// <exception cref="ArgumentException">There is no source, or a composite names an input or a channel that the model does not have.</exception>
    public static void Report(MultiInputModel model, IReadOnlyList<DataSource> data, Stream stream, ReportOptions? options)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(Encoding.UTF8.GetBytes(ReportPage.Write(model, data, options ?? new(), CancellationToken.None)));
    }
}
