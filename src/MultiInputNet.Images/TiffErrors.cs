using System.Globalization;
using BitMiracle.LibTiff.Classic;

namespace MultiInputNet.Images;

/// <summary>
/// A scope in which this thread's TIFF errors are collected instead of printed. The decoder has one handler for the whole process: what
/// other threads and the rest of the program report goes where it went before.
/// </summary>
internal sealed class TiffErrors : IDisposable
{
    [ThreadStatic]
    private static TiffErrors? current;

    private bool isInPixels;

    static TiffErrors()
    {
        var handler = new Handler();
        handler.Previous = Tiff.SetErrorHandler(handler);
    }

    public TiffErrors() => current = this;

    /// <summary>The last error, without a full stop; null if there was none.</summary>
    public string? Last { get; private set; }

    /// <summary>
    /// Forgets what was reported so far. From now on warnings are errors, since if a strip ends early the decoder returns random pixels and
    /// warns.
    /// </summary>
    public void BeginPixels() => (isInPixels, Last) = (true, null);

    // With these warnings, the pixels are correct.
    private static bool IsHarmless(string format) =>
        format.Contains("not terminated with EOI", StringComparison.Ordinal)
        || format.Contains("Old-style LZW codes", StringComparison.Ordinal)
        || format.Contains("discarding", StringComparison.Ordinal);

    public void Dispose() => current = null;

    private static string Text(string format, object[] args) => string.Format(CultureInfo.InvariantCulture, format, args).TrimEnd('.');

    private sealed class Handler : TiffErrorHandler
    {
        public TiffErrorHandler? Previous { get; set; }

        public override void ErrorHandler(Tiff tif, string method, string format, params object[] args)
        {
            if (current is { } here)
                here.Last = Text(format, args);
            else
                Previous?.ErrorHandler(tif, method, format, args);
        }

        public override void ErrorHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
            if (current is null)
                Previous?.ErrorHandlerExt(tif, clientData, method, format, args);
        }

        public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
        {
            if (current is null)
                Previous?.WarningHandler(tif, method, format, args);
            else if (current.isInPixels && !IsHarmless(format))
                current.Last = Text(format, args);
        }

        public override void WarningHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
            if (current is null)
                Previous?.WarningHandlerExt(tif, clientData, method, format, args);
        }
    }
}
