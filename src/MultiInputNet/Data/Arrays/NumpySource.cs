using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Samples, with or without labels, that stay in a <c>.npy</c> file: only the rows of a batch are read. For arrays that do not fit into memory;
/// <see cref="NumpyFile.ReadSource(string, string, string)"/> reads smaller ones completely.
/// </summary>
public sealed class NumpySource : DataSource, IDisposable
{
    private readonly string path;
    private readonly SafeFileHandle file;
    private readonly ArrayLayout layout;
    private readonly long start;

    /// <summary>Opens a file of samples for one task.</summary>
    /// <param name="name">The name of the input, the task and the source.</param>
    /// <param name="samples">
    /// A <c>.npy</c> file in C order, with the samples along the first dimension; batches are Float32, or Float64 if the file's numbers are
    /// integers of 32 bits or more or floats of 64.
    /// </param>
    /// <param name="labels">A <c>.npy</c> file with one label per sample, as for <see cref="NumpyFile.ReadSource(string, string, string)"/>.</param>
    /// <exception cref="MultiInputException">A file is damaged, does not hold an array of numbers, or the two differ in length.</exception>
    /// <exception cref="ArgumentException">There are no labels.</exception>
    public NumpySource(string name, string samples, string labels)
        : this(name, samples, new Dictionary<string, Tensor> { [name] = NumpyFile.ReadLabels(labels).DetachFromDisposeScope() })
    {
    }

    /// <summary>Opens a file of samples without labels.</summary>
    /// <param name="name">The name of the input and of the source.</param>
    /// <param name="samples">
    /// A <c>.npy</c> file in C order, with the samples along the first dimension; batches are Float32, or Float64 if the file's numbers are
    /// integers of 32 bits or more or floats of 64.
    /// </param>
    /// <exception cref="MultiInputException">The file is damaged, or does not hold an array of numbers.</exception>
    public NumpySource(string name, string samples)
        : this(name, samples, new Dictionary<string, Tensor>())
    {
    }

    /// <summary>Opens a file of samples for tasks whose labels are in memory.</summary>
    /// <param name="name">The name of the input and of the source.</param>
    /// <param name="samples">
    /// A <c>.npy</c> file in C order, with the samples along the first dimension; batches are Float32, or Float64 if the file's numbers are
    /// integers of 32 bits or more or floats of 64.
    /// </param>
    /// <param name="targets">The labels of each task by its name; empty if there are none.</param>
    /// <exception cref="MultiInputException">
    /// The file is damaged, does not hold an array of numbers, or not as many as there are labels.
    /// </exception>
    /// <exception cref="ArgumentException">The tasks have different numbers of labels.</exception>
    public NumpySource(string name, string samples, IReadOnlyDictionary<string, Tensor> targets)
        : this(name, samples, Open(samples, targets is { Count: 0 } ? null : CountOf(name, targets)), targets)
    {
    }

    private NumpySource(string name, string samples, (ArrayLayout Layout, long Start) array, IReadOnlyDictionary<string, Tensor> targets)
        : base(name, [name], array.Layout.Shape[0], targets)
    {
        path = samples;
        (layout, start) = array;
        file = RegularFile.OpenHandle(samples, FileOptions.RandomAccess);
    }

    /// <summary>Reads the header of a file, and checks that it holds a number of samples.</summary>
    private static (ArrayLayout Layout, long Start) Open(string path, long? labels) =>
        DataFile.Read(path, "Give an array of numbers written by numpy.save, in C order (numpy.ascontiguousarray).", content =>
        {
            var header = NumpyFile.ReadHeader(content, content.Length);
            header.CheckLength(content.Length - content.Position);
            if (header.Shape is not [> 0 and var count, ..] || count != (labels ?? count))
                throw new InvalidDataException($"It holds an array of shape {Shapes.Text(header.Shape)}, but there {(labels is null ? "should be a sample along its first dimension" : $"are labels for {labels} samples")}.");
            if (header.Bytes / count > int.MaxValue)
                throw new InvalidDataException(FormattableString.Invariant($"A sample takes {header.Bytes / count:N0} bytes; at most {int.MaxValue:N0} are supported."));
            if (header.FortranOrder)
                throw new InvalidDataException("Its array is in Fortran order, in which the numbers of a sample are not contiguous.");
            return (header, content.Position);
        });

    /// <inheritdoc/>
    public override string NameOf(long row) => $"{path}, {base.NameOf(row)}";

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
                    $"file '{path}'", ModelComponent.File, $"it ends within sample {row}; it was longer when it was opened.", "Do not change the file during training.");
            }

            bytes = bytes[count..];
            position += count;
        }
    }
}
