using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>The non-linearity after a layer.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Activation>))]
public enum Activation
{
    /// <summary>None: the layer stays linear.</summary>
    None,

    /// <summary>max(0, x).</summary>
    ReLU,

    /// <summary>x for x &gt; 0, else 0.01 x.</summary>
    LeakyReLU,

    /// <summary>Gaussian error linear unit (Hendrycks and Gimpel, 2016).</summary>
    GELU,

    /// <summary>x · sigmoid(x).</summary>
    SiLU,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,

    /// <summary>x · min(max(0, x + 3), 6) / 6.</summary>
    HardSwish,
}
