namespace MultiInputNet.Images;

/// <summary>Lists the images of a folder, which may have one subfolder per class.</summary>
internal sealed class ImageFolder
{
    private static readonly string[] extensions = [".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff"];

    /// <summary>Folders that systems, file servers and archivers add to the user's files, besides names that begin with a dot.</summary>
    private static readonly string[] systemNames =
    [
        "__MACOSX", "@eaDir", "@Recycle", "@Recently-Snapshot", "@tmp", "#recycle", "#snapshot", "$RECYCLE.BIN", "RECYCLER",
        "System Volume Information", "lost+found", "Network Trash Folder", "Temporary Items", "Thumbs.db", "ehthumbs.db", "desktop.ini",
    ];

    private static readonly EnumerationOptions everything = new() { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false };

    private readonly string root;
    private readonly List<Link> links = [];

    // By real path, so that targets of links are recognised.
    private readonly HashSet<(string? Class, string Folder)> listed = [];
    private readonly Dictionary<string, (string Path, string Class, bool IsLinked)> files = [];
    private readonly HashSet<string> classes = [];

    /// <param name="folder">The folder.</param>
    /// <param name="hasClasses">Whether each subfolder is a class; otherwise all images are of one, whose name is empty.</param>
    /// <exception cref="IOException">A folder or a link cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder may not be read.</exception>
    /// <exception cref="InvalidDataException">Links put one file into two classes.</exception>
    public ImageFolder(string folder, bool hasClasses)
    {
        root = RealPath(folder);
        if (!hasClasses)
            List(folder, root, "", isLinked: false);
        foreach (var entry in hasClasses ? Entries(folder).OfType<DirectoryInfo>() : [])
        {
            if (IsLink(entry))
            {
                links.Add(new(Path.Combine(folder, entry.Name), entry, entry.Name, IsClass: true));
            }
            else
            {
                classes.Add(entry.Name);
                List(Path.Combine(folder, entry.Name), Path.Combine(root, entry.Name), entry.Name, isLinked: false);
            }
        }

        // Links come last, so that a file belongs to the class whose folder contains it, whatever links to it.
        for (var i = 0; i < links.Count; i++)
            Follow(links[i]);
    }

    public static string Kinds => string.Join(", ", extensions);

    /// <summary>The folders, in alphabetical order.</summary>
    public string[] Classes => [.. classes.Order(StringComparer.Ordinal)];

    /// <summary>The images of a class, in alphabetical order.</summary>
    public IEnumerable<string> FilesOf(string name) =>
        files.Values.Where(file => file.Class == name).Select(file => file.Path).Order(StringComparer.Ordinal);

    private void List(string folder, string real, string name, bool isLinked)
    {
        if (!listed.Add((isLinked ? name : null, real)))
            return;
        foreach (var entry in Entries(folder))
        {
            var path = Path.Combine(folder, entry.Name);
            if (IsLink(entry))
                links.Add(new(path, entry, name, IsClass: false));
            else if (entry is DirectoryInfo)
                List(path, Path.Combine(real, entry.Name), name, isLinked);
            else if (IsImage(entry))
                Add(path, Path.Combine(real, entry.Name), name, isLinked);
        }
    }

    private void Follow(Link link)
    {
        var real = RealPath(link.Path);
        if (link.Entry is not DirectoryInfo)
        {
            if (IsImage(link.Entry))
                Add(link.Path, real, link.Class, isLinked: true);
            return;
        }

        // A link to something listed anyway, or to a folder that contains all of it, adds nothing.
        if (listed.Contains((null, real)) || root == real || root.StartsWith(real.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            return;
        if (link.IsClass)
            classes.Add(link.Class);
        List(link.Path, real, link.Class, isLinked: true);
    }

    private void Add(string path, string real, string name, bool isLinked)
    {
        if (files.TryAdd(real, (path, name, isLinked)) || files[real] is not { IsLinked: true } other || other.Class == name)
            return;
        throw new InvalidDataException($"'{other.Path}' and '{path}' are the same file, '{real}', in two classes, '{other.Class}' and '{name}'.");
    }

    private static IEnumerable<FileSystemInfo> Entries(string folder) => new DirectoryInfo(folder)
        .EnumerateFileSystemInfos("*", everything)
        .Where(entry => !entry.Name.StartsWith('.') && !systemNames.Contains(entry.Name, StringComparer.OrdinalIgnoreCase)
            && (entry.Attributes & (FileAttributes.Hidden | FileAttributes.System)) == 0)
        .OrderBy(entry => entry.Name, StringComparer.Ordinal);

    private static bool IsLink(FileSystemInfo entry) => entry.Attributes.HasFlag(FileAttributes.ReparsePoint) && entry.LinkTarget is not null;

    private static bool IsImage(FileSystemInfo entry) => extensions.Contains(entry.Extension, StringComparer.OrdinalIgnoreCase);

    /// <summary>A path without links. A dangling or circular link keeps its name.</summary>
    private static string RealPath(string path)
    {
        const int MostLinks = 40;
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        for (var followed = 0; followed < MostLinks; followed++)
        {
            // Replace the outermost link until there is none.
            var link = Ancestry(full).Select(part => (Part: part, Target: new DirectoryInfo(part).LinkTarget)).FirstOrDefault(pair => pair.Target is not null);
            if (link.Target is null)
                return full;
            var target = Path.GetFullPath(link.Target, Path.GetDirectoryName(link.Part)!);
            full = Path.TrimEndingDirectorySeparator(target + full[link.Part.Length..]);
        }

        return Path.GetFullPath(path);
    }

    /// <summary>The folders on the way to a path and the path itself, without the root.</summary>
    private static IEnumerable<string> Ancestry(string path) =>
        Path.GetDirectoryName(path) is { } parent ? Ancestry(parent).Append(path) : [];

    private sealed record Link(string Path, FileSystemInfo Entry, string Class, bool IsClass);
}
