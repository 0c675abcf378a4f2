using System.Globalization;

namespace MultiInputNet;

/// <summary>How numbers are written, independent of the machine's culture.</summary>
/// <param name="Decimal">The decimal separator.</param>
/// <param name="Thousands">The separator that may stand between groups of three digits.</param>
internal sealed record NumberFormat(char Decimal = '.', char? Thousands = null)
{
    private const int LongestNumber = 512;

    private readonly bool isPlain = Decimal == '.' && Thousands is null;

    /// <summary>Parses a text as a number; infinities and NaN do not count as numbers.</summary>
    public bool TryParse(ReadOnlySpan<char> text, out double number)
    {
        text = text.Trim();
        if (isPlain)
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
        number = 0;
        if (text.Length > LongestNumber)
            return false;

        // Separators between groups of three digits are dropped, and the fraction begins with a point.
        Span<char> plain = stackalloc char[text.Length];
        var (length, digits, hasGroups, isFraction) = (0, 0, false, false);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (!isFraction && IsThousands(c))
            {
                if (hasGroups ? digits != 3 : digits is < 1 or > 3)
                    return false;
                (hasGroups, digits) = (true, 0);
                continue;
            }

            if (c == Decimal || c is 'e' or 'E')
            {
                if (!isFraction && hasGroups && digits != 3)
                    return false;
                isFraction = true;
                c = c == Decimal ? '.' : c;
            }
            else if (c == '.')
            {
                return false;
            }

            digits += char.IsAsciiDigit(c) ? 1 : 0;
            plain[length++] = c;
        }

        return (isFraction || !hasGroups || digits == 3)
            && double.TryParse(plain[..length], NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
    }

    /// <summary>The separators in words, unless it is just a decimal point.</summary>
    public string Describe() => (Decimal, Thousands) switch
    {
        ('.', { } thousands) => $"the thousands separator is '{thousands}'",
        (_, null) => $"the decimal separator is '{Decimal}'",
        (_, { } thousands) => $"the decimal separator is '{Decimal}' and the thousands separator '{thousands}'",
    };

    /// <summary>What is wrong with the separators; null if nothing is.</summary>
    public string? FindMistake() =>
        Bad(Decimal) || (Thousands is { } thousands && (Bad(thousands) || thousands == Decimal))
            ? $"the decimal separator is '{Decimal}'{(Thousands is { } groups ? $" and the thousands separator '{groups}'" : "")}."
            : null;

    private static bool Bad(char separator) => char.IsLetterOrDigit(separator) || separator is '+' or '-' or '"' or '\0' || (char.IsControl(separator) && separator != '\t');

    private bool IsThousands(char c) => Thousands switch
    {
        null => false,
        ' ' => c is ' ' or '\u00A0' or '\u202F',
        '\'' => c is '\'' or '\u2019',
        var separator => c == separator,
    };
}
