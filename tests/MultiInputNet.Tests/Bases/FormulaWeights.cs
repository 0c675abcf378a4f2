using System.Text;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Weights and inputs that are a function of their names, as in Fixtures/bases.py.</summary>
internal static class FormulaWeights
{
    /// <summary>Gives every parameter and statistic of a module the value of its name.</summary>
    public static void Fill(nn.Module module)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, value) in module.state_dict())
        {
            if (!name.EndsWith("num_batches_tracked", StringComparison.Ordinal))
                value.copy_(Value(name, value.shape));
        }
    }

    public static Tensor Value(string name, params long[] shape)
    {
        var (scale, offset) = name switch
        {
            _ when name.EndsWith("running_var", StringComparison.Ordinal) => (0.5, 1.0),
            _ when name.EndsWith("layer_scale", StringComparison.Ordinal) => (0.2, 0.3),
            _ when shape.Length > 1 && shape[0] > 1 => (Math.Sqrt(12.0 * shape[0] / shape.Aggregate((a, b) => a * b)), 0.0),
            _ when name.EndsWith("weight", StringComparison.Ordinal) => (0.4, 1.0),
            _ => (0.5, 0.0),
        };
        var seed = Encoding.UTF8.GetBytes(name).Aggregate(2166136261u, (h, b) => (h ^ b) * 16777619);
        var values = new float[shape.Aggregate((a, b) => a * b)];
        for (var i = 0u; i < values.Length; i++)
        {
            var h = i * 2654435761 + seed;
            h = (h ^ (h >> 16)) * 0x85EBCA6B;
            h = (h ^ (h >> 13)) * 0xC2B2AE35;
            h ^= h >> 16;
            values[i] = (float)(((h >> 8) / 16777216.0 - 0.5) * scale + offset);
        }

        return tensor(values, shape);
    }
}
