namespace MultiInputNet;

/// <summary>Does something once when disposed, at the end of a scope.</summary>
internal sealed class AtEnd(Action action) : IDisposable
{
    private Action? left = action;

    public void Dispose()
    {
        left?.Invoke();
        left = null;
    }
}
