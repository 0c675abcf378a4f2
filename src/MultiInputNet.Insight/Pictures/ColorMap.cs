namespace MultiInputNet.Insights;

/// <summary>The colours of a map whose values are numbers, not colours.</summary>
public enum ColorMap
{
    /// <summary>From dark blue through green to yellow, evenly rising in lightness (matplotlib's viridis). For values from none to much.</summary>
    Viridis,

    /// <summary>Blue below the middle, nearly white in it, red above. For values of either sign; put the middle at 0.</summary>
    BlueRed,

    /// <summary>From black to white.</summary>
    Gray,
}
