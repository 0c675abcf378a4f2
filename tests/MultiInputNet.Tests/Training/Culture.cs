using System.Globalization;

namespace MultiInputNet.Tests.Training;

/// <summary>A culture for a span of a test.</summary>
internal static class Culture
{
    /// <summary>Such as write numbers, minus signs, dates and capitals in other ways than the invariant culture.</summary>
    public static TheoryData<string> Names => ["en-US", "de-DE", "tr-TR", "ar-SA", "sv-SE", "fa-IR"];

    public static T Under<T>(string name, Func<T> action)
    {
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = Of(name);
        try
        {
            return action();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    public static void Under(string name, Action action) => Under(name, () =>
    {
        action();
        return true;
    });

    /// <summary>The culture; where there is no ICU, the invariant one with the culture's signs, which is all that a process without it knows.</summary>
    private static CultureInfo Of(string name)
    {
        var culture = (CultureInfo)CultureInfo.GetCultureInfo(name).Clone();
        if (name != "en-US" && culture.NumberFormat.NumberDecimalSeparator == "." && culture.NumberFormat.NegativeSign == "-")
        {
            (culture.NumberFormat.NumberDecimalSeparator, culture.NumberFormat.NumberGroupSeparator) = (",", ".");
            culture.NumberFormat.NegativeSign = "\u2212";
        }

        return culture;
    }
}
