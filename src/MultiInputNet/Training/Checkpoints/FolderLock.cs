using System.Globalization;

namespace MultiInputNet.Training;

/// <summary>
/// A folder to which one training writes: it holds a lock file open for as long. The operating system releases it when the process dies,
/// however it dies, so that a file left behind is not a lock. The process id is in a separate file, since a locked file cannot be read.
/// </summary>
internal sealed class FolderLock : IDisposable
{
    private readonly string lockPath;
    private readonly string idPath;
    private readonly FileStream file;

    /// <summary>Takes the folder.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <exception cref="MultiInputException">Another training, of this process or another one, has it.</exception>
    public FolderLock(string folder)
    {
        (lockPath, idPath) = (Path.Combine(folder, "training.lock"), Path.Combine(folder, "training.pid"));

        // A file that its last owner has removed in the meantime locks nothing.
        for (file = Open(folder); !File.Exists(lockPath); file = Open(folder))
            file.Dispose();
        try
        {
            File.WriteAllText(idPath, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        try
        {
            File.Delete(idPath);
            if (!OperatingSystem.IsWindows())
                File.Delete(lockPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // They are no longer a lock once the file is closed.
        }

        file.Dispose();
    }

    private FileStream Open(string folder)
    {
        try
        {
            return new(
                lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None);
        }
        catch (IOException e) when (File.Exists(lockPath))
        {
            throw new MultiInputException($"folder '{folder}'", ModelComponent.Training, $"{Owner()} writes its checkpoints there.", "Wait until it ends, or choose another folder.", e);
        }
    }

    private string Owner()
    {
        try
        {
            return int.TryParse(File.ReadAllText(idPath), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                ? id == Environment.ProcessId ? $"another training of this process ({id})" : $"a training of process {id}"
                : "another training";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "another training";
        }
    }
}
