using System.CommandLine;

/// <summary>An option with one value. Its description states the default as a user would type it.</summary>
internal sealed class Choice<T> : Option<T>
{
    private readonly Func<string, T> parse;
    private readonly string? otherwise;

    /// <param name="name">The option.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="parse">Parses the value; a <see cref="FormatException"/> says what is wrong with it.</param>
    /// <param name="otherwise">The text to parse if the option is not given; null for none.</param>
    public Choice(string name, string description, Func<string, T> parse, string? otherwise = null)
        : base(name)
    {
        (this.parse, this.otherwise) = (parse, otherwise);
        Description = otherwise is null ? description : $"{description} Default: {otherwise}.";
        HelpName = name.TrimStart('-');
        CustomParser = result =>
        {
            try
            {
                return parse(result.Tokens[0].Value);
            }
            catch (FormatException e)
            {
                result.AddError($"{name}: {e.Message}");
                return default;
            }
        };
    }

    /// <summary>Its value, or its default.</summary>
    public T Of(ParseResult arguments) => IsGiven(arguments) ? arguments.GetValue(this)! : otherwise is null ? default! : parse(otherwise);

    /// <summary>Whether the user gave it.</summary>
    public bool IsGiven(ParseResult arguments) => arguments.GetResult(this) is { Implicit: false };
}
