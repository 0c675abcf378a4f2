namespace MultiInputNet;

/// <summary>The shape of the tokens of one sample.</summary>
/// <param name="Tokens">The number of tokens.</param>
/// <param name="Channels">The width of each.</param>
public sealed record TokenShape(long Tokens, long Channels) : FeatureShape(Channels)
{
    /// <inheritdoc/>
    public override long Positions => Tokens;

    internal override long[] Sizes => [Tokens, Channels];

    /// <summary>The sizes as <c>tokens 65×192</c>.</summary>
    /// <returns>The count of tokens and their width.</returns>
    public override string ToString() => $"tokens {Tokens}×{Channels}";
}
