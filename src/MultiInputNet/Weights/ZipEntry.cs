namespace MultiInputNet.Weights;

/// <summary>The position of an entry of a zip archive in the file.</summary>
/// <param name="Position">Its first byte.</param>
/// <param name="Length">The number of its bytes in the file.</param>
/// <param name="IsPlain">Whether these are the content itself, neither compressed nor encrypted.</param>
internal sealed record ZipEntry(long Position, long Length, bool IsPlain);
