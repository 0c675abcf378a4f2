using System.Collections.Concurrent;
using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Images;

/// <summary>
/// Images in a folder with one subfolder per class: the label of an image is the subfolder that it is in; or images without labels
/// (<see cref="Unlabelled"/>, <see cref="FromFiles"/>). Files are read when they are needed, and prepared by <see cref="ImageFiles"/>.
/// </summary>
/// <remarks>
/// <para>Hidden folders and files (whose name begins with a dot) and those that systems, file servers and archivers add
/// (<c>__MACOSX</c>, <c>@eaDir</c>, <c>$RECYCLE.BIN</c>, <c>System Volume Information</c>, <c>lost+found</c> and similar) are
/// ignored.</para>
/// <para>Links to files and folders are followed, and each file is one sample: in the class whose folder contains it, or else in that of
/// the first link to it. Links to a folder that is listed anyway, or to one that contains all of them, are ignored. Anything named like an
/// image that is not a regular file, such as a pipe or a dangling link, is broken.</para>
/// </remarks>
public sealed class ImageFolderSource : DataSource
{
    private readonly ImageInput input;
    private readonly OnBroken onBroken;
    private readonly long largestImage;
    private readonly ConcurrentDictionary<long, BrokenSample> broken = [];

    /// <summary>Lists a folder; no image is read yet.</summary>
    /// <param name="name">The name of the input, the task and the source.</param>
    /// <param name="folder">
    /// The folder with one subfolder per class. Images may be nested in it at any depth; other files are ignored.
    /// </param>
    /// <param name="input">The input that the images are prepared for.</param>
    /// <param name="classNames">
    /// The classes from class 0, such as those of the training folder; when null, the folder's own in alphabetical order.
    /// </param>
    /// <param name="onBroken">What happens with files that cannot be read.</param>
    /// <param name="largestImage">The most pixels that a file may have.</param>
    /// <exception cref="MultiInputException">
    /// The folder does not exist or cannot be read, holds no image or a class that is not named, or links put a file into two classes.
    /// </exception>
    public ImageFolderSource(
        string name,
        string folder,
        ImageInput input,
        IReadOnlyList<string>? classNames = null,
        OnBroken onBroken = OnBroken.Throw,
        long largestImage = ImageFiles.LargestImage)
        : this(name, input, List(folder, classNames), onBroken, largestImage)
    {
    }

    private ImageFolderSource(
        string name, ImageInput input, (string[] Classes, (string Path, long Class)[] Files) listed, OnBroken onBroken, long largestImage)
        : this(name, input, [.. listed.Files.Select(file => file.Path)], onBroken, largestImage, new() { [name] = tensor(listed.Files.Select(file => file.Class).ToArray()).DetachFromDisposeScope() }) =>
        ClassNames = listed.Classes;

    private ImageFolderSource(
        string name, ImageInput input, string[] files, OnBroken onBroken, long largestImage, Dictionary<string, Tensor>? targets = null)
        : base(name, [name], files.Length, targets)
    {
        ArgumentNullException.ThrowIfNull(input);
        (this.input, this.onBroken, this.largestImage) = (input, onBroken, largestImage);
        Files = files;
    }

    /// <summary>Lists the images of a folder whose subfolders, if there are any, are no classes; no image is read yet.</summary>
    /// <param name="name">The name of the input and of the source.</param>
    /// <param name="folder">The folder. Images may be nested in it at any depth; other files are ignored.</param>
    /// <param name="input">The input that the images are prepared for: <c>model.Description.Input&lt;ImageInput&gt;("photo")</c>.</param>
    /// <param name="onBroken">What happens with files that cannot be read.</param>
    /// <param name="largestImage">The most pixels that a file may have.</param>
    /// <returns>The source.</returns>
    /// <exception cref="MultiInputException">The folder does not exist or cannot be read, or holds no image.</exception>
    public static ImageFolderSource Unlabelled(
        string name, string folder, ImageInput input, OnBroken onBroken = OnBroken.Throw, long largestImage = ImageFiles.LargestImage) =>
        new(name, input, List(folder), onBroken, largestImage);

    /// <summary>Takes files without labels; no image is read yet.</summary>
    /// <param name="name">The name of the input and of the source.</param>
    /// <param name="files">The files, at least one, in the order of the samples.</param>
    /// <param name="input">The input that the images are prepared for.</param>
    /// <param name="onBroken">What happens with files that cannot be read.</param>
    /// <param name="largestImage">The most pixels that a file may have.</param>
    /// <returns>The source.</returns>
    /// <exception cref="ArgumentException">There is no file, or one of the paths is null or empty.</exception>
    public static ImageFolderSource FromFiles(
        string name, IEnumerable<string> files, ImageInput input, OnBroken onBroken = OnBroken.Throw, long largestImage = ImageFiles.LargestImage)
    {
        ArgumentNullException.ThrowIfNull(files);
        string[] listed = [.. files];
        foreach (var path in listed)
            ArgumentException.ThrowIfNullOrWhiteSpace(path, nameof(files));
        return new(name, input, listed, onBroken, largestImage);
    }

    /// <summary>The names of the classes, from class 0; empty without labels.</summary>
    public IReadOnlyList<string> ClassNames { get; } = [];

    /// <summary>The files, in the order of the samples: class by class, in alphabetical order, or as they were given.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>The files that could not be read so far and were skipped.</summary>
    public override IReadOnlyList<BrokenSample> Broken => [.. broken.OrderBy(pair => pair.Key).Select(pair => pair.Value)];

    /// <inheritdoc/>
    public override string NameOf(long row) => Files[(int)row];

    /// <inheritdoc/>
    /// <exception cref="MultiInputException">A file cannot be read, and is not to be skipped.</exception>
    public override InputBatch Read(IReadOnlyList<long> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var read = new List<long>();
        var images = new List<float[]>();
        foreach (var row in rows)
        {
            // A file that was broken once stays skipped, so that the same rows always give the same samples.
            if (broken.ContainsKey(row))
                continue;
            try
            {
                images.Add(ImageFiles.ReadValues(input, Files[(int)row], largestImage));
                read.Add(row);
            }
            catch (MultiInputException e) when (onBroken == OnBroken.Skip)
            {
                broken.TryAdd(row, new() { Place = e.Subject, Problem = e.Problem });
            }
        }

        using var scope = NewDisposeScope();
        var batch = empty([images.Count, input.Channels, input.Height, input.Width], ScalarType.Float32);
        foreach (var (index, values) in images.Index())
        {
            using var target = batch.select(0, index);
            values.CopyTo(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(target.bytes));
        }

        return new(read, new Dictionary<string, Tensor> { [Name] = batch.MoveToOuterDisposeScope() });
    }

    private static (string[] Classes, (string Path, long Class)[] Files) List(string folder, IReadOnlyList<string>? classNames)
    {
        var images = Open(folder, hasClasses: true);
        if (classNames is not null && images.Classes.Except(classNames).FirstOrDefault() is { } unknown)
            throw Wrong(folder, $"it holds a folder '{unknown}', which is not one of the classes {string.Join(", ", classNames)}.", "Add its class, or move the folder.");
        string[] classes = [.. classNames ?? images.Classes];
        var files = classes.Index().SelectMany(c => images.FilesOf(c.Item).Select(path => (path, (long)c.Index))).ToArray();
        return files.Length > 0 ? (classes, files) : throw Wrong(folder, "it holds no image in a folder of a class.", $"Give one subfolder per class, with files such as {ImageFolder.Kinds}.");
    }

    private static string[] List(string folder)
    {
        string[] files = [.. Open(folder, hasClasses: false).FilesOf("")];
        return files.Length > 0 ? files : throw Wrong(folder, "it holds no image.", $"Give one with files such as {ImageFolder.Kinds}.");
    }

    private static ImageFolder Open(string folder, bool hasClasses)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        try
        {
            return new(folder, hasClasses);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw Wrong(folder, e.Message, hasClasses ? "Give a folder with one subfolder per class." : "Give a folder with images.");
        }
    }

    private static MultiInputException Wrong(string folder, string problem, string cure) => new($"folder '{folder}'", ModelComponent.File, problem, cure);
}
