namespace MultiInputNet;

/// <summary>The end of a span: does something once, when the span is disposed.</summary>
internal sealed class AtEnd(Action action) : IDisposable
{
    private Action? left = action;

    public void Dispose()
    {
        left?.Invoke();
        left = null;
    }
}
