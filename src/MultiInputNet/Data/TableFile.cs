using System.Text;

namespace MultiInputNet.Data;

/// <summary>A table in a file: its whole rows, and a list of those that are broken.</summary>
internal sealed class TableFile : IDisposable
{
    private const string Cure = "Give a table in UTF-8 with one row a line, and its delimiter in CsvFormat.";

    private readonly string path;
    private readonly FileStream file;
    private readonly CsvReader rows;
    private long row;

    /// <exception cref="MultiInputException">The file cannot be opened, or holds no table.</exception>
    public TableFile(string path, CsvFormat format)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        this.path = path;
        file = Try(() => RegularFile.Open(path));
        try
        {
            rows = Try(() => new CsvReader(new StreamReader(DataFile.Unpack(file).Content, Encoding.UTF8), format));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public IReadOnlyList<string> Columns => rows.Columns;

    public IReadOnlyList<string> Cells => rows.Cells;

    public long Line => rows.Line;

    public List<BrokenSample> Broken { get; } = [];

    /// <summary>The position of a column.</summary>
    /// <exception cref="MultiInputException">There is none of this name.</exception>
    public int Find(string column)
    {
        for (var i = 0; i < Columns.Count; i++)
        {
            if (Columns[i] == column)
                return i;
        }

        throw new MultiInputException($"file '{path}'", ModelStage.File, $"it has no column '{column}'.", $"Its columns are {Shapes.Names(Columns)}.");
    }

    /// <summary>Goes to the next chosen row that has as many fields as there are columns and no mistake; false behind the last.</summary>
    /// <param name="isChosen">Which rows, by their number from 0, broken ones included; all when null.</param>
    /// <param name="onBroken">What becomes of others.</param>
    /// <param name="findMistake">What is wrong with the fields of a row; null when nothing is.</param>
    /// <exception cref="MultiInputException">The file is damaged, or a row is broken and not to be left out.</exception>
    public bool Read(Func<long, bool>? isChosen, OnBroken onBroken, Func<IReadOnlyList<string>, string?> findMistake)
    {
        while (Try(rows.Read))
        {
            if (isChosen?.Invoke(row++) == false)
                continue;
            var mistake = Cells.Count == Columns.Count
                ? findMistake(Cells)
                : $"it has {Cells.Count} fields and there are {Columns.Count} columns.";
            if (mistake is null)
                return true;
            var place = $"file '{path}', line {Line}";
            if (onBroken == OnBroken.Throw)
                throw new MultiInputException(place, ModelStage.File, mistake, "Correct it, or leave such rows out with OnBroken.Skip.");
            Broken.Add(new(place, mistake));
        }

        return false;
    }

    public void Dispose()
    {
        rows.Dispose();
        file.Dispose();
    }

    private T Try<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new MultiInputException($"file '{path}'", ModelStage.File, e.Message, Cure, e);
        }
    }
}
