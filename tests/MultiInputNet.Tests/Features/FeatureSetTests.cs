using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class FeatureSetTests
{
    [Fact]
    public void A_set_is_read_by_its_dimensions()
    {
        using var scope = NewDisposeScope();
        var map = new FeatureSet(arange(2 * 3 * 4 * 5, ScalarType.Float32).view(2, 3, 4, 5));
        var tokens = new FeatureSet(zeros(2, 65, 192));

        map.Shape.Should().Be(new MapShape(3, 4, 5));
        (map.Shape.Channels, map.Shape.Positions, map.Shape.Count, map.Shape.ToString()).Should().Be((3L, 20L, 60L, "3×4×5"));
        map.Tokens().shape.Should().Equal(2, 20, 3);
        map.Tokens()[1, 7].ShouldBeSame(map.Values[1, .., 1, 2], "position 7 is row 1, column 2");
        tokens.Shape.Should().Be(new TokenShape(65, 192));
        (tokens.Shape.Channels, tokens.Shape.Positions, tokens.Shape.Count, tokens.Shape.ToString()).Should().Be((192L, 65L, 65L * 192, "tokens 65×192"));
        tokens.Tokens().ShouldBeSame(tokens.Values);
    }

    [Fact]
    public void What_belongs_to_other_values_is_refused()
    {
        using var scope = NewDisposeScope();
        var values = zeros(2, 3, 4, 5);

        Refused(() => new FeatureSet(zeros(2, 3))).Should().Contain("(2, 3); give maps, (batch, channels, height, width), or tokens, (batch, tokens, channels).");
        Refused(() => new FeatureSet(values, positionMask: ones(2, 19, dtype: ScalarType.Bool))).Should().Contain("The mask is Bool of shape (2, 19); give Bool of shape (2, 20).");
        Refused(() => new FeatureSet(values, positionMask: ones(2, 20))).Should().Contain("The mask is Float32 of shape (2, 20)");
        Refused(() => new FeatureSet(values, sampleMask: ones(3, dtype: ScalarType.Bool))).Should().Contain("give Bool of shape (2).");
        Refused(() => new FeatureSet(zeros(2, 5, 3), grid: (2, 3))).Should().Contain("A grid of 2×3 is given for 5 positions.");
        Refused(() => new FeatureSet(zeros(2, 5, 3), grid: (1L << 33, 1L << 33))).Should().Contain("for 5 positions.");
        Refused(() => new FeatureSet(values, sampleMask: ones(2, dtype: ScalarType.Bool, device: META))).Should().Contain("The mask is on meta, but the values are on cpu; move the mask there.");
        Refused(() => new FeatureSet(values, positionMask: ones(2, 20, dtype: ScalarType.Bool)).With(zeros(2, 3, 2, 2))).Should().Contain("give Bool of shape (2, 4).");

        static string Refused(Func<FeatureSet> create) => create.Should().Throw<ArgumentException>().Which.Message;
    }
}
