namespace MultiInputNet.Tests.Weights;

/// <summary>A file that is deleted in the end.</summary>
internal sealed class TemporaryFile : IDisposable
{
    public TemporaryFile(byte[]? content = null)
    {
        if (content is not null)
            File.WriteAllBytes(Path, content);
    }

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"{Guid.NewGuid():N}.weights");

    public void Dispose() => File.Delete(Path);
}
