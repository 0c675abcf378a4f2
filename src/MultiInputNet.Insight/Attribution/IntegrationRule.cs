namespace MultiInputNet.Insights;

/// <summary>How the integral of integrated gradients becomes a sum over steps.</summary>
public enum IntegrationRule
{
    /// <summary>Gauss-Legendre quadrature: the nodes of a Legendre polynomial with their weights.</summary>
    GaussLegendre,

    /// <summary>The gradient in the middle of each of the equal steps.</summary>
    RiemannMiddle,

    /// <summary>The gradient at the beginning of each of the equal steps.</summary>
    RiemannLeft,

    /// <summary>The gradient at the end of each of the equal steps.</summary>
    RiemannRight,

    /// <summary>The mean of the gradients at the beginning and the end of each of the equal steps, which takes one gradient more.</summary>
    RiemannTrapezoid,
}
