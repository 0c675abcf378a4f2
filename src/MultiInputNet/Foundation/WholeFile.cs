namespace MultiInputNet;

/// <summary>Writes files either completely or not at all.</summary>
internal static class WholeFile
{
    private const string Cure = "Give a location that is writable and has enough space.";

    /// <summary>
    /// Writes next to the file, flushes to the disk, and renames; an existing file is unchanged until then. If the path is a symbolic link,
    /// the file that it points to is written. A replaced file passes on its permissions, and on Linux its owner if the process may set it.
    /// </summary>
    /// <exception cref="MultiInputException">The file cannot be written.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        try
        {
            var target = FindTarget(path);
            var beside = $"{target}.{Guid.NewGuid():N}.tmp";
            try
            {
                using (var file = Create(beside, target))
                {
                    write(file);
                    file.Flush(flushToDisk: true);
                }

                File.Move(beside, target, overwrite: true);
            }
            finally
            {
                File.Delete(beside);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Refuse(path, $"it cannot be written: {e.Message}", Cure, e);
        }
    }

    private static string FindTarget(string path)
    {
        var file = new FileInfo(path);
        var target = file.LinkTarget is null ? file.FullName : file.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
        if (Directory.Exists(target))
            throw Refuse(path, "it is a folder.", "Give the name of a file in it.");
        var folder = Path.GetDirectoryName(target)!;
        if (!Directory.Exists(folder))
        {
            throw Refuse(
                path,
                $"it cannot be written, since {(File.Exists(folder) ? $"'{folder}' is a file, not a folder" : $"there is no folder '{folder}'")}.",
                "Create the folder, or give a location in another.");
        }

        if (LinuxFile.Find(target) is { IsRegular: false })
            throw Refuse(path, "it is a device, a pipe or a socket, which a file would replace.", "Give the name of a file.");
        return target;
    }

    private static FileStream Create(string path, string replaced)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(replaced))
            return new(path, FileMode.CreateNew);

        // Whoever may not read the old file must not be able to read the new one, not even while it is written.
        var file = new FileStream(
            path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        LinuxFile.Find(replaced)?.GiveOwner(file.SafeFileHandle);
        File.SetUnixFileMode(file.SafeFileHandle, File.GetUnixFileMode(replaced));
        return file;
    }

    private static MultiInputException Refuse(string path, string problem, string cure, Exception? cause = null) =>
        new($"file '{path}'", ModelComponent.File, problem, cure, cause);
}
