namespace MultiInputNet.Hosting;

/// <summary>The body of <c>GET /model</c>: what a client has to know to write requests and read answers.</summary>
/// <param name="Inputs">The inputs.</param>
/// <param name="Tasks">The tasks.</param>
/// <param name="LargestRequest">The most bytes that a request may have.</param>
/// <param name="LargestImage">The most pixels that an image file may have.</param>
internal sealed record ModelAnswer(IReadOnlyList<InputAnswer> Inputs, IReadOnlyList<TaskAnswer> Tasks, int LargestRequest, long LargestImage);

/// <param name="Name">Its name.</param>
/// <param name="Kind">Its kind: image, sequence, tokens or tabular.</param>
/// <param name="Shape">The shape of a sample given as nested arrays of numbers.</param>
internal sealed record InputAnswer(string Name, string Kind, IReadOnlyList<long> Shape)
{
    /// <summary>Of tokens: they run from 0 to below this number.</summary>
    public int? Vocabulary { get; init; }

    /// <summary>The columns of a table that names them; its samples are objects.</summary>
    public IReadOnlyList<ColumnAnswer>? Columns { get; init; }

    /// <summary>Of the training samples, one per channel, feature or column, if the model standardises its input.</summary>
    public IReadOnlyList<double>? Mean { get; init; }

    /// <inheritdoc cref="Mean"/>
    public IReadOnlyList<double>? StandardDeviation { get; init; }
}

/// <param name="Name">Its name.</param>
/// <param name="Kind">Its kind: number or category.</param>
/// <param name="Categories">The known categories.</param>
internal sealed record ColumnAnswer(string Name, string Kind, IReadOnlyList<string>? Categories);

/// <param name="Name">Its name.</param>
/// <param name="Inputs">The inputs that it reads, all of which are needed.</param>
/// <param name="Kind">What its answers are: class, labels or values.</param>
internal sealed record TaskAnswer(string Name, IReadOnlyList<string> Inputs, string Kind)
{
    /// <summary>The names of its classes.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>The names of its labels.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>How many values an answer has.</summary>
    public int? Values { get; init; }

    /// <summary>The names of the values, if they have any.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>The unit of the values, if it is known.</summary>
    public string? Unit { get; init; }
}
