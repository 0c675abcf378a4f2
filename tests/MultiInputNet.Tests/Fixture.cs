using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Numbers that PyTorch computed; the script of the same name under Fixtures wrote them.</summary>
internal static class Fixture
{
    public static Dictionary<string, Tensor> Read(string name) =>
        SafeTensors.Read(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"{name}.safetensors")).Tensors;

    /// <summary>Asserts that two tensors are equal to a part of the expected one's largest value.</summary>
    public static void ShouldEqual(this Tensor actual, Tensor expected, double tolerance, string because = "")
    {
        using var scope = NewDisposeScope();
        actual.shape.Should().Equal(expected.shape, because);
        var difference = (actual.detach() - expected).abs().max().ToDouble();
        (difference / Math.Max(expected.abs().max().ToDouble(), 1e-30)).Should().BeLessThan(tolerance, because);
    }

    /// <summary>Asserts that two tensors are equal to the bit.</summary>
    public static void ShouldBeSame(this Tensor actual, Tensor expected, string because = "")
    {
        using var scope = NewDisposeScope();
        actual.shape.Should().Equal(expected.shape, because);
        actual.dtype.Should().Be(expected.dtype, because);
        actual.detach().cpu().contiguous().bytes.SequenceEqual(expected.detach().cpu().contiguous().bytes).Should().BeTrue(because);
    }
}
