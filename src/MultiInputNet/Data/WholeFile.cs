namespace MultiInputNet.Data;

/// <summary>Writes files that are whole or not there.</summary>
internal static class WholeFile
{
    /// <summary>Writes beside the file, flushes to the disk, and renames; a file that is there stays as it is until then.</summary>
    public static void Write(string path, Action<FileStream> write)
    {
        var beside = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var file = new FileStream(beside, FileMode.CreateNew))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(beside, path, overwrite: true);
        }
        finally
        {
            File.Delete(beside);
        }
    }
}
