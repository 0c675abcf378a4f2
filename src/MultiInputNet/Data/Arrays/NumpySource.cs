using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Samples in a <c>.npy</c> file that stay there: only the rows of a batch are read. For arrays that memory does not hold;
/// <see cref="NumpyFile.ReadSource"/> reads smaller ones whole.
/// </summary>
public sealed class NumpySource : DataSource, IDisposable
{
    private readonly string path;
    private readonly SafeFileHandle file;
    private readonly ArrayLayout layout;
    private readonly long start;

    /// <summary>Opens a file of samples for one task.</summary>
    /// <param name="name">The name of the input, the task and the source.</param>
    /// <param name="samples">A <c>.npy</c> file in C order, the samples along the first dimension; batches are Float32, or Float64 where the file's numbers have 32 bits or more, or 64 for floating ones.</param>
    /// <param name="labels">A <c>.npy</c> file with a label for each sample, as for <see cref="NumpyFile.ReadSource"/>.</param>
    /// <exception cref="MultiInputException">A file is damaged, holds no array of numbers, or not equally many.</exception>
    /// <exception cref="ArgumentException">There are no labels.</exception>
    public NumpySource(string name, string samples, string labels)
        : this(name, samples, new Dictionary<string, Tensor> { [name] = NumpyFile.ReadLabels(labels).DetachFromDisposeScope() })
    {
    }

    /// <summary>Opens a file of samples for tasks whose labels are in memory.</summary>
    /// <param name="name">The name of the input and of the source.</param>
    /// <param name="samples">A <c>.npy</c> file in C order, the samples along the first dimension; batches are Float32, or Float64 where the file's numbers have 32 bits or more, or 64 for floating ones.</param>
    /// <param name="targets">The labels of each task by its name.</param>
    /// <exception cref="MultiInputException">The file is damaged, holds no array of numbers, or not as many as there are labels.</exception>
    /// <exception cref="ArgumentException">There are no labels, or not equally many for each task.</exception>
    public NumpySource(string name, string samples, IReadOnlyDictionary<string, Tensor> targets)
        : base(name, [name], targets)
    {
        path = samples;
        (layout, start) = DataFile.Read(samples, "Give an array of numbers that numpy.save wrote, in C order (numpy.ascontiguousarray).", content =>
        {
            var header = NumpyFile.ReadHeader(content, content.Length);
            header.CheckLength(content.Length - content.Position);
            if (header.Shape is not [var count, ..] || count != Count)
                throw new InvalidDataException($"It holds an array of shape {Shapes.Text(header.Shape)}, and there are labels for {Count} samples.");
            if (header.Bytes / count > int.MaxValue)
                throw new InvalidDataException(FormattableString.Invariant($"A sample takes {header.Bytes / count:N0} bytes; at most {int.MaxValue:N0} are read."));
            if (header.FortranOrder)
                throw new InvalidDataException("Its array is in Fortran order, where a sample does not lie in one place.");
            return (header, content.Position);
        });
        file = RegularFile.OpenHandle(samples, FileOptions.RandomAccess);
    }

    /// <inheritdoc/>
    public override InputBatch Read(IReadOnlyList<long> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        using var scope = NewDisposeScope();
        var stored = empty([rows.Count, .. layout.Shape.Skip(1)], layout.Element.Stored);
        foreach (var (index, row) in rows.Index())
        {
            ArgumentOutOfRangeException.ThrowIfNegative(row);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Count);
            using var sample = stored.select(0, index);
            ReadRow(row, sample.bytes);
            layout.MakeNative(sample.bytes);
        }

        var samples = layout.Element.Convert(stored).to(layout.Element.FitsFloat32 ? ScalarType.Float32 : ScalarType.Float64);
        return new(rows, new Dictionary<string, Tensor> { [Name] = samples.MoveToOuterDisposeScope() });
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();

    private void ReadRow(long row, Span<byte> bytes)
    {
        var position = start + row * bytes.Length;
        while (!bytes.IsEmpty)
        {
            var count = RandomAccess.Read(file, bytes, position);
            if (count == 0)
            {
                throw new MultiInputException(
                    $"file '{path}'", ModelComponent.File, $"it ends within sample {row}; it was longer when it was opened.", "Leave the file as it is during training.");
            }

            bytes = bytes[count..];
            position += count;
        }
    }
}
