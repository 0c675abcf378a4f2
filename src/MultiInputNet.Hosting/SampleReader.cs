using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using MultiInputNet.Images;

namespace MultiInputNet.Hosting;

/// <summary>Turns the body of a request into samples.</summary>
/// <param name="inputs">The inputs that a sample may have.</param>
/// <param name="only">The one that a sample is of if it names none; null if it must name its inputs.</param>
/// <param name="options">Limits.</param>
internal sealed class SampleReader(IReadOnlyList<InputDescription> inputs, InputDescription? only, MultiInputPredictorOptions options)
{
    // As ASP.NET's own forms; the reader needs it to fit into its buffer.
    private const int LongestBoundary = 128;

    private static readonly JsonDocumentOptions jsonOptions = new() { AllowDuplicateProperties = false };

    /// <summary>The samples of a body, and whether it is a list of them.</summary>
    public async Task<(IReadOnlyList<Dictionary<string, InputValue>> Samples, bool IsList)> ReadAsync(string? contentType, byte[] body)
    {
        var type = MediaTypeHeaderValue.TryParse(contentType, out var parsed) ? parsed : null;
        if (type?.MatchesMediaType("application/json") == true || type?.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase) == true)
            return ReadJson(body, ReadSamples);
        if (type?.MatchesMediaType("multipart/form-data") == true)
            return await ReadFormAsync(HeaderUtilities.RemoveQuotes(type.Boundary).Value, body).ConfigureAwait(false);
        if (type?.Type.Equals("image", StringComparison.OrdinalIgnoreCase) == true)
            return ([new() { [OnlyImage().Name] = ReadImage(body) }], false);
        throw new RequestException(
            StatusCodes.Status415UnsupportedMediaType,
            "unsupported_media_type",
            $"The content type is {(string.IsNullOrEmpty(contentType) ? "missing" : $"'{Short(contentType)}'")}. Send application/json, an image file as image/png, image/jpeg or the like, or multipart/form-data.");
    }

    private InputDescription OnlyImage() => only?.Spec is ImageInput ? only
        : only is null && inputs.Where(input => input.Spec is ImageInput).ToArray() is [var single] ? single
        : throw RequestException.Invalid($"The body is an image, but {Expected()}.");

    private string Expected() => only is null
        ? $"a sample names its inputs, of {Names(inputs)}: send application/json or multipart/form-data"
        : $"input '{only.Name}' is not an image but {Describe(only.Spec)}";

    private static T ReadJson<T>(byte[] json, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(json, jsonOptions);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A text that is not valid Unicode is found only when it is read.
            throw new RequestException(StatusCodes.Status400BadRequest, "malformed_json", $"The JSON is malformed: {e.Message}");
        }
    }

    private (IReadOnlyList<Dictionary<string, InputValue>> Samples, bool IsList) ReadSamples(JsonElement root)
    {
        var isList = root.ValueKind == JsonValueKind.Array && (only is null || IsList(root, only.Spec));
        return (isList ? [.. Elements(root).Select(ReadSample)] : [ReadSample(root)], isList);
    }

    private Dictionary<string, InputValue> ReadSample(JsonElement sample) =>
        only is null || NamesInputs(sample, only.Spec) ? ReadNamed(sample) : new() { [only.Name] = ReadValue(only, sample) };

    /// <summary>Whether an object holds values by the names of inputs. A row never does: its values are neither objects nor arrays.</summary>
    private static bool NamesInputs(JsonElement sample, InputSpec spec) => sample.ValueKind == JsonValueKind.Object
        && (!IsRow(spec) || sample.EnumerateObject().Any(property => property.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array));

    private static bool IsRow(InputSpec spec) => spec is TabularInput { Columns: not null };

    /// <summary>Whether an array is a list of samples: objects or texts, or arrays that are nested once more than a sample.</summary>
    private static bool IsList(JsonElement value, InputSpec spec)
    {
        if (value.GetArrayLength() == 0 || IsRow(spec))
            return true;
        var depth = 0;
        for (; value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0; value = value[0])
            depth++;
        return value.ValueKind is JsonValueKind.Object or JsonValueKind.String || depth > spec.Shape.Count;
    }

    private JsonElement.ArrayEnumerator Elements(JsonElement list)
    {
        CheckCount(list.GetArrayLength());
        return list.EnumerateArray();
    }

    private void CheckCount(int samples)
    {
        if (samples == 0)
            throw RequestException.Invalid("The list of samples is empty. Send at least one.");
        if (samples > options.Batching.QueueLimit)
            throw RequestException.TooLarge($"The request has {samples} samples. Send at most {options.Batching.QueueLimit} at once.");
    }

    private Dictionary<string, InputValue> ReadNamed(JsonElement sample)
    {
        if (sample.ValueKind != JsonValueKind.Object)
            throw RequestException.Invalid($"A sample is {Describe(sample)}. Send an object with the values of {Names(inputs)} by these names.");
        return sample.EnumerateObject().ToDictionary(property => property.Name, property => ReadValue(Find(property.Name), property.Value));
    }

    private InputDescription Find(string name) => inputs.FirstOrDefault(input => input.Name == name)
        ?? throw RequestException.Invalid($"There is no input '{Short(name)}'. Send {Names(inputs)}.");

    private InputValue ReadValue(InputDescription input, JsonElement value)
    {
        if (input.Spec is TabularInput { Columns: not null } table)
            return ReadRow(input, table, value);
        if (input.Spec is ImageInput && value.ValueKind == JsonValueKind.String)
        {
            return value.TryGetBytesFromBase64(out var file)
                ? ReadImage(file)
                : throw RequestException.Invalid($"Input '{input.Name}' is a text that is not Base64. Send an image file in Base64, or {Describe(input.Spec)}.");
        }

        return InputValue.FromNumbers(ReadArray(input, value));
    }

    private static InputValue ReadRow(InputDescription input, TabularInput table, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw RequestException.Invalid($"Input '{input.Name}' is {Describe(value)}. Send {Describe(table)}.");
        var numeric = table.Columns!.OfType<NumericColumn>().Select(column => column.Name).ToHashSet();
        return InputValue.Row(value.EnumerateObject().ToDictionary(cell => cell.Name, cell => cell.Value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.String => cell.Value.GetString(),

            // JSON has a point, whatever the table's files have.
            JsonValueKind.Number when numeric.Contains(cell.Name) && table.DecimalSeparator is { } separator => cell.Value.GetRawText().Replace('.', separator),
            JsonValueKind.Number => cell.Value.GetRawText(),
            _ => throw RequestException.Invalid($"Column '{Short(cell.Name)}' of input '{input.Name}' is {Describe(cell.Value)}. Send a number, a text, or null for a missing value."),
        }));
    }

    private static List<double> ReadArray(InputDescription input, JsonElement value)
    {
        var values = new List<double>();
        Collect(value, 0);
        return values;

        void Collect(JsonElement element, int dimension)
        {
            if (dimension == input.Spec.Shape.Count)
            {
                values.Add(ReadNumber(input.Spec, element) ?? throw Wrong($"holds {Describe(element)}"));
                return;
            }

            if (element.ValueKind != JsonValueKind.Array)
                throw Wrong($"holds {Describe(element)} instead of an array of {input.Spec.Shape[dimension]}");
            if (element.GetArrayLength() != input.Spec.Shape[dimension])
                throw Wrong($"holds an array of {element.GetArrayLength()} instead of {input.Spec.Shape[dimension]}");
            foreach (var entry in element.EnumerateArray())
                Collect(entry, dimension + 1);
        }

        RequestException Wrong(string found) => RequestException.Invalid($"Input '{input.Name}' {found}. Send {Describe(input.Spec)}.");
    }

    /// <summary>A number in the range of the input's values; null for anything else.</summary>
    private static double? ReadNumber(InputSpec spec, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && float.IsFinite((float)number)
            && (spec is not TokenInput tokens || (double.IsInteger(number) && number >= 0 && number < tokens.Vocabulary)) ? number : null;

    private ImageValue ReadImage(byte[] file) => ImageValue.FromBytes(file, options.LargestImage);

    private async Task<(IReadOnlyList<Dictionary<string, InputValue>> Samples, bool IsList)> ReadFormAsync(string? boundary, byte[] body)
    {
        if (string.IsNullOrEmpty(boundary))
            throw RequestException.Invalid("The multipart/form-data has no boundary in its content type.");
        if (boundary.Length > LongestBoundary)
            throw RequestException.Invalid($"The boundary of the multipart/form-data has {boundary.Length} characters. Use at most {LongestBoundary}.");
        var values = new Dictionary<string, List<InputValue>>();
        try
        {
            var reader = new MultipartReader(boundary, new MemoryStream(body));
            while (await reader.ReadNextSectionAsync().ConfigureAwait(false) is { } section)
            {
                var name = HeaderUtilities.RemoveQuotes(section.GetContentDispositionHeader()?.Name ?? default).Value
                    ?? throw RequestException.Invalid("A part of the form has no name. Name it as its input.");
                var input = Find(name);
                using var content = new MemoryStream();
                await section.Body.CopyToAsync(content).ConfigureAwait(false);
                if (!values.TryGetValue(name, out var ofInput))
                    values.Add(name, ofInput = []);
                ofInput.Add(ReadPart(input, section, content.ToArray()));
                CheckCount(ofInput.Count);
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw RequestException.Invalid($"The form is broken: {e.Message}");
        }

        if (values.Count == 0)
            throw RequestException.Invalid($"The form has no parts. Send {Names(inputs)}.");
        var count = values.First().Value.Count;
        if (values.FirstOrDefault(pair => pair.Value.Count != count) is { Value: { } others, Key: var other })
            throw RequestException.Invalid($"The form has {count} parts '{values.First().Key}' and {others.Count} parts '{other}'. Send one of each per sample.");
        return ([.. Enumerable.Range(0, count).Select(i => values.ToDictionary(pair => pair.Key, pair => pair.Value[i]))], count > 1);
    }

    private InputValue ReadPart(InputDescription input, MultipartSection section, byte[] content)
    {
        var isImage = MediaTypeHeaderValue.TryParse(section.ContentType, out var type) && type.Type.Equals("image", StringComparison.OrdinalIgnoreCase);
        if (input.Spec is ImageInput && (isImage || (section.AsFileSection()?.FileName is { Length: > 0 } && type?.MatchesMediaType("application/json") != true)))
            return ReadImage(content);
        return ReadJson(content, value => ReadValue(input, value));
    }

    private static string Describe(InputSpec spec) => spec switch
    {
        TabularInput { Columns: { } columns } => $"an object with the columns {string.Join(", ", columns.Take(20).Select(column => $"'{column.Name}'"))}{(columns.Count > 20 ? ", …" : "")}",
        TokenInput tokens => $"an array of {tokens.Length} whole numbers from 0 to {tokens.Vocabulary - 1}",
        _ => string.Concat(spec.Shape.Select(size => string.Create(CultureInfo.InvariantCulture, $"an array of {size} × "))).TrimEnd('×', ' ') + " numbers",
    };

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => $"the number {Short(value.GetRawText())}",
        var kind => kind.ToString().ToLowerInvariant(),
    };

    private static string Names(IEnumerable<InputDescription> inputs) => string.Join(", ", inputs.Select(input => $"'{input.Name}'"));

    private static string Short(string text) => text.Length > 60 ? text[..60] + "…" : text;
}
