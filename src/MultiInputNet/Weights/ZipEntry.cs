namespace MultiInputNet.Weights;

/// <summary>Where an entry of a zip archive lies in the file.</summary>
/// <param name="Position">Its first byte.</param>
/// <param name="Length">Its bytes in the file.</param>
/// <param name="IsPlain">Whether they are the content as it is, neither packed nor encrypted.</param>
internal sealed record ZipEntry(long Position, long Length, bool IsPlain);
