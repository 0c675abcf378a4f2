using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Weights;

/// <summary>The files that <c>Fixtures/weights.py</c> writes, and what is in them by the same formulas.</summary>
internal static class WeightFixtures
{
    public static string File(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "weights", name);

    /// <summary>One tensor of each type and of each way to lie in a storage.</summary>
    public static Dictionary<string, Tensor> Kinds()
    {
        var floats = arange(6).reshape(2, 3).to(ScalarType.Float64) * 0.25 - 0.5;
        var integers = arange(6) - 3;
        var tied = arange(8).reshape(2, 4).to(ScalarType.Float32);
        return new()
        {
            ["float32"] = floats.to(ScalarType.Float32),
            ["float64"] = floats,
            ["float16"] = floats.to(ScalarType.Float16),
            ["bfloat16"] = floats.to(ScalarType.BFloat16),
            ["int64"] = integers,
            ["int32"] = integers.to(ScalarType.Int32),
            ["int16"] = integers.to(ScalarType.Int16),
            ["int8"] = integers.to(ScalarType.Int8),
            ["uint8"] = (arange(6) * 50).to(ScalarType.Byte),
            ["bool"] = arange(6).remainder(2).eq(0),
            ["scalar"] = tensor(2.5f),
            ["empty"] = zeros(0, 3),
            ["parameter"] = arange(4).to(ScalarType.Float32),
            ["transposed"] = (arange(3).unsqueeze(1) + arange(2) * 3).to(ScalarType.Float32),
            ["sliced"] = (arange(2).unsqueeze(1) * 6 + arange(3) * 2 + 7).to(ScalarType.Float32),
            ["tied.first"] = tied,
            ["tied.second"] = tied,
            ["tied.row"] = tied[1],
        };
    }

    /// <summary>The weights of the network of two layers.</summary>
    public static Dictionary<string, Tensor> NetworkWeights() => new()
    {
        ["linear.weight"] = arange(6).reshape(2, 3).to(ScalarType.Float32) / 4,
        ["linear.bias"] = 0.5f - arange(2).to(ScalarType.Float32),
        ["norm.weight"] = ones(2),
        ["norm.bias"] = zeros(2),
        ["norm.running_mean"] = arange(1, 3).to(ScalarType.Float32),
        ["norm.running_var"] = ones(2),
        ["norm.num_batches_tracked"] = tensor(0L),
    };

    /// <summary>A module into which the weights of the network fit; every weight of its own is 9.</summary>
    public static Sequential Network(int outputs = 2)
    {
        var network = nn.Sequential(("linear", nn.Linear(3, outputs)), ("norm", nn.BatchNorm1d(2)));
        using var noGrad = no_grad();
        foreach (var weight in network.state_dict().Values)
            weight.fill_(9);
        return network;
    }

    public static void ShouldEqual(IReadOnlyDictionary<string, Tensor> found, IReadOnlyDictionary<string, Tensor> expected)
    {
        found.Keys.Should().BeEquivalentTo(expected.Keys);
        foreach (var (name, value) in expected)
        {
            found[name].dtype.Should().Be(value.dtype, name);
            found[name].shape.Should().Equal(value.shape, name);
            found[name].eq(value).all().ToBoolean().Should().BeTrue(name);
        }
    }
}
