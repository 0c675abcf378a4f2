namespace MultiInputNet.Insights;

/// <summary>How much one of several counts for an output, compared with the others.</summary>
/// <param name="Name">The name of the channel, column or input.</param>
/// <param name="Share">Its share, from 0 to 1; the shares of all sum to 1, or are all 0 if nothing counts.</param>
public sealed record Importance(string Name, double Share)
{
    /// <summary>The name of the channel, column or input.</summary>
    public string Name { get; init => field = value ?? throw new ArgumentNullException(nameof(Name)); } = Name ?? throw new ArgumentNullException(nameof(Name));

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Name}: {Share:0.0000}");
}
