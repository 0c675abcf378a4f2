using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>
/// A file of weights, open for reading: safetensors, PyTorch's <c>.pth</c> and <c>.pt</c>, the initializers of an ONNX file, or
/// TorchSharp's own format, recognised by content. Opening it reads names, types and shapes; values are read on demand.
/// </summary>
/// <remarks>
/// No file is trusted. The pickle in a PyTorch file is read by an interpreter that knows tensors, numbers, texts and collections of
/// them; any other object, such as the <c>argparse.Namespace</c> of a training or a NumPy number, is ignored, so that no code in a file
/// runs. Every size is checked against the file's length before memory is allocated. An ONNX file may have its values in other files, which
/// must be in its folder or below it, with no link on the way.
/// </remarks>
public sealed class WeightFile : IDisposable
{
    private readonly FileBytes file;
    private readonly WeightContent content;
    private readonly Dictionary<string, WeightEntry> byName = [];

    private WeightFile(FileBytes file, string? key, StateChoice? choose)
    {
        this.file = file;
        content = SafeTensors.Recognises(file) ? SafeTensors.Read(file) // first: its length may begin as an archive does
            : TorchArchive.Recognises(file) ? TorchArchive.Read(file, key, choose)
            : TorchLegacyFile.Recognises(file) ? TorchLegacyFile.Read(file, key, choose)
            : OnnxInitializers.Recognises(file) ? OnnxInitializers.Read(file)
            : TorchSharpFile.Read(file);
        foreach (var entry in content.Entries)
        {
            if (!byName.TryAdd(entry.Name, entry))
                throw file.Refuse($"there are two tensors '{entry.Name}'.");
        }

        if (key is { Length: > 0 } && Format != WeightFormat.PyTorch)
            throw file.Refuse($"it is a {Format} file, which has no keys, and so no '{key}'.", "Leave out the key.");
    }

    /// <summary>The file's path.</summary>
    public string Path => file.Path;

    /// <summary>Its format.</summary>
    public WeightFormat Format => content.Format;

    /// <summary>The key under which a PyTorch checkpoint holds its state dict, such as <c>state_dict</c>.</summary>
    /// <value><see langword="null"/> if the whole file is the state dict.</value>
    public string? Key => content.Key;

    /// <summary>
    /// Texts stored beside the tensors: the <c>__metadata__</c> of a safetensors file, the <c>metadata_props</c> of an ONNX file, and the
    /// texts and numbers of a PyTorch checkpoint, such as its epoch. Everything else in a checkpoint, such as the state of its optimizer, is not read.
    /// </summary>
    public IReadOnlyDictionary<string, string> Metadata => content.Metadata;

    /// <summary>The tensors, in the order in which the file lists them.</summary>
    public IReadOnlyList<WeightEntry> Entries => content.Entries;

    /// <summary>Opens a file and reads what it lists.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">
    /// For a PyTorch checkpoint, the key of the state dict to read, or the keys that lead to it, separated by dots; the empty string for
    /// all tensors of the file except an optimizer's, with the keys that lead to each prepended to its name, as in <c>encoder.weight</c>.
    /// If null, it is searched for: under <c>state_dict</c>, <c>model_state_dict</c> or <c>model</c>, or the file itself, or under the only
    /// key that holds one.
    /// </param>
    /// <returns>The open file.</returns>
    /// <exception cref="MultiInputException">The file cannot be read, is damaged, or holds something other than weights.</exception>
    public static WeightFile Open(string path, string? key = null) => Open(path, key, choose: null);

    /// <summary>Opens a file and chooses among its state dicts if it has several and no key is given.</summary>
    internal static WeightFile Open(string path, string? key, StateChoice? choose)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var file = new FileBytes(path);
        try
        {
            return new(file, key, choose);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Writes a safetensors file, next to an existing one if there is one, and renames it once it is complete. The new file keeps the
    /// permissions of the old one; if the path is a symbolic link, the file that it points to is written.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">
    /// The tensors by name, on any device and with any strides, such as a module's <c>state_dict()</c>. Tensors that share memory are
    /// written separately.
    /// </param>
    /// <param name="metadata">Texts to store beside them; none when null.</param>
    /// <exception cref="MultiInputException">
    /// The file cannot be written, there are no tensors, or one was disposed of or is of a type that the format lacks. An existing file is
    /// then unchanged.
    /// </exception>
    [SuppressMessage("Naming", "CA1720", Justification = "A file of weights holds tensors.")]
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentNullException.ThrowIfNull(tensors);
        SafeTensors.Write(path, tensors, metadata ?? new Dictionary<string, string>());
    }

    /// <summary>Reads one tensor.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <returns>The tensor, on the CPU.</returns>
    /// <exception cref="MultiInputException">There is no such tensor, or the file cannot be read.</exception>
    public Tensor Read(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!byName.TryGetValue(name, out var entry))
            throw file.Refuse($"it has no tensor '{name}'.", "Name one of its entries.");
        return WeightEntry.Read(file, [entry])[name];
    }

    /// <summary>
    /// Reads all tensors that are readable (<see cref="WeightEntry.IsReadable"/>). Together they take as much memory as in the file:
    /// tensors that are views of one storage there, such as tied weights, are views of one storage here.
    /// </summary>
    /// <returns>The tensors by name, on the CPU.</returns>
    /// <exception cref="MultiInputException">The file cannot be read.</exception>
    public Dictionary<string, Tensor> ReadAll() => WeightEntry.Read(file, Entries.Where(entry => entry.IsReadable));

    /// <summary>Closes the file. Tensors already read remain valid.</summary>
    public void Dispose() => file.Dispose();

    /// <summary>The versions of its layers that PyTorch's state dict records, by name.</summary>
    internal IReadOnlyDictionary<string, long> Versions => content.Versions;

    /// <summary>Reads some of the entries.</summary>
    internal Dictionary<string, Tensor> Read(IEnumerable<WeightEntry> entries) => WeightEntry.Read(file, entries);

    /// <summary>The exception for what is wrong with this file.</summary>
    internal MultiInputException Refuse(string problem, string? cure = null, Exception? cause = null) => file.Refuse(problem, cure, cause);
}
