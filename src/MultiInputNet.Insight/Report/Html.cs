using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace MultiInputNet.Insights;

/// <summary>
/// HTML that is being written. What is interpolated is escaped, so that no name, path or text of a file can become markup; only
/// <see cref="Markup"/> is taken as it is.
/// </summary>
internal sealed class Html
{
    private readonly StringBuilder text = new();

    /// <summary>Adds markup with values in it.</summary>
    public Html Add([InterpolatedStringHandlerArgument("")] Writer content)
    {
        _ = content;
        return this;
    }

    /// <summary>Adds what another has.</summary>
    public Html Add(Html other)
    {
        text.Append(other.text);
        return this;
    }

    /// <summary>What has been written, as markup.</summary>
    public Markup ToMarkup() => new(text.ToString());

    /// <inheritdoc/>
    public override string ToString() => text.ToString();

    /// <summary>Markup with values in it.</summary>
    public static Markup Of(Fragment content) => new(content.Text.ToString());

    /// <summary>
    /// A name from data. It has its own direction of writing, so that a name from right to left leaves what is around it in order.
    /// </summary>
    public static Markup Name(string name) => new($"<bdi>{Escape(name)}</bdi>");

    /// <summary>A name in an element that also shows it whole where it is cut off.</summary>
    public static Markup ShortName(string name, int length) => name.Length <= length ? Name(name) : new($"<bdi title=\"{Escape(name)}\">{Escape(Shorten(name, length))}</bdi>");

    /// <summary>The beginning of a text.</summary>
    public static string Shorten(string text, int length) => text.Length <= length ? text : $"{text.AsSpan(0, char.IsHighSurrogate(text[length - 2]) ? length - 2 : length - 1)}…";

    /// <summary>A text as HTML shows it: no character of it is markup, neither between elements nor in a quoted attribute.</summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            escaped.Append(rune.Value switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\t' or '\n' => rune.ToString(),

                // Not characters of HTML and XML.
                < ' ' or (>= 0x7F and < 0xA0) or 0xFFFE or 0xFFFF => "\uFFFD",
                _ => rune.ToString(),
            });
        }

        return escaped.ToString();
    }

    private static void AppendValue<T>(StringBuilder text, T value, string? format) => text.Append(value switch
    {
        null => "",
        Markup markup => markup.Text,
        Html html => html.ToString(),
        IFormattable number => Escape(number.ToString(format, CultureInfo.InvariantCulture)),
        _ => Escape(value.ToString() ?? ""),
    });

    /// <summary>Adds to an <see cref="Html"/>.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Writer
    {
        private readonly StringBuilder text;

        public Writer(int literalLength, int formattedCount, Html html)
        {
            _ = (literalLength, formattedCount);
            text = html.text;
        }

        public void AppendLiteral(string value) => text.Append(value);

        public void AppendFormatted<T>(T value, string? format = null) => AppendValue(text, value, format);
    }

    /// <summary>Makes a piece of markup.</summary>
    [InterpolatedStringHandler]
    public readonly ref struct Fragment
    {
        public Fragment(int literalLength, int formattedCount)
        {
            _ = (literalLength, formattedCount);
            Text = new();
        }

        public StringBuilder Text { get; }

        public void AppendLiteral(string value) => Text.Append(value);

        public void AppendFormatted<T>(T value, string? format = null) => AppendValue(Text, value, format);
    }
}

/// <summary>Text that is HTML already.</summary>
/// <param name="Text">The markup.</param>
internal readonly record struct Markup(string Text);
