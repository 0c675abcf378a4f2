/// <summary>The values of an option: <c>NAME=VALUE</c> for one input, <c>VALUE</c> for all inputs that are not named.</summary>
internal sealed class ByInput<T>(IReadOnlyList<(string? Input, T Value)> values)
{
    /// <summary>The inputs that are named.</summary>
    public IEnumerable<string> Names => values.Where(value => value.Input is not null).Select(value => value.Input!);

    /// <summary>The value of an input; if there are several, the last one given.</summary>
    public T Of(string input, T otherwise) => values
        .OrderBy(value => value.Input is not null)
        .Where(value => value.Input is null || value.Input == input)
        .Select(value => value.Value)
        .LastOrDefault(otherwise);
}
