using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Lays a row of a table onto a small feature map: a linear layer, then optional normalisation and activation.</summary>
/// <remarks>
/// Shapes: <c>(batch, features)</c> in, <c>(batch, channels, height, width)</c> out. The grid must be large enough for the
/// poolings of the base behind it.
/// </remarks>
public sealed class TabularProjection : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> linear;
    private readonly nn.Module<Tensor, Tensor>? norm;
    private readonly Activation activation;
    private readonly long[] mapShape;

    /// <summary>Creates the module with torch's default initialisation.</summary>
    /// <param name="features">Columns of the table, at least 1.</param>
    /// <param name="channels">Channels that the base takes, at least 1.</param>
    /// <param name="height">Rows of the grid, at least 1.</param>
    /// <param name="width">Columns of the grid, at least 1.</param>
    /// <param name="normalization">The normalisation behind the linear layer.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1.</exception>
    public TabularProjection(
        int features,
        int channels,
        int height = 4,
        int width = 4,
        Normalization normalization = Normalization.None,
        Activation activation = Activation.None)
        : base(nameof(TabularProjection))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        linear = nn.Linear(features, (long)channels * height * width);
        norm = Layers.Normalize(normalization, channels);
        this.activation = activation;
        mapShape = [-1, channels, height, width];
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = ChannelsLast.Of(linear.call(input).view(mapShape));
        x = norm is null ? x : norm.call(x);
        return Layers.Activate(activation, x).MoveToOuterDisposeScope();
    }
}
