using Microsoft.Win32.SafeHandles;

namespace MultiInputNet;

/// <summary>
/// Opens only regular files, whatever else a path may lead to: a device may never end, and a pipe may wait forever for somebody to write
/// to it. Links are followed.
/// </summary>
internal static class RegularFile
{
    /// <exception cref="IOException">There is no such file, it is not a regular one, or it is empty.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static FileStream Open(string path)
    {
        Check(path);
        return File.OpenRead(path);
    }

    /// <inheritdoc cref="Open"/>
    public static SafeFileHandle OpenHandle(string path, FileOptions options = FileOptions.None)
    {
        Check(path);
        return File.OpenHandle(path, options: options);
    }

    /// <inheritdoc cref="Open"/>
    public static byte[] ReadAllBytes(string path)
    {
        using var file = Open(path);
        if (file.Length > Array.MaxLength)
            throw new IOException($"It has {file.Length:N0} bytes, but at most {Array.MaxLength:N0} can be read.");

        // No more than the length it had: File.ReadAllBytes continues if there is more.
        var content = new byte[file.Length];
        file.ReadExactly(content);
        return content;
    }

    private static void Check(string path)
    {
        if (Directory.Exists(path))
            throw new IOException("It is a folder, not a file.");
        if (!File.Exists(path))
            throw new FileNotFoundException("There is no such file, or a folder on its path cannot be read.");

        // Merely opening a pipe would wait. Only regular files have a length. .NET takes a link's target for one at the root if the link has
        // no folder.
        var target = File.ResolveLinkTarget(Path.GetFullPath(path), returnFinalTarget: true)?.FullName ?? path;
        if (new FileInfo(target).Length == 0)
            throw new IOException("It holds nothing: it is an empty file, or a pipe, a socket or a device rather than a file.");
    }
}
