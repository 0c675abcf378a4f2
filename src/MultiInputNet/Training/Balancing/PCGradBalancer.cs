namespace MultiInputNet.Training;

/// <summary>The method of <see cref="LossBalancing.PCGrad"/>.</summary>
/// <remarks>
/// A projected gradient is a combination of the gradients: subtracting its component along gradient <c>j</c> changes only its factor of
/// <c>j</c>, and its products with all gradients follow from theirs with each other.
/// </remarks>
internal sealed class PCGradBalancer(IReadOnlyList<string> tasks, long seed) : GradientSurgeryBalancer(tasks)
{
    protected override double[] Combine(double[,] products, IReadOnlyList<string> names, long step)
    {
        var count = names.Count;
        var sum = new double[count];
        for (var i = 0; i < count; i++)
        {
            var factors = new double[count];
            factors[i] = 1;
            foreach (var position in SeededOrder.Of(count - 1, seed, names[i], step))
            {
                var j = (int)(position < i ? position : position + 1);
                var product = Enumerable.Range(0, count).Sum(k => factors[k] * products[k, j]);
                if (product < 0 && products[j, j] > 0)
                    factors[j] -= product / products[j, j];
            }

            for (var k = 0; k < count; k++)
                sum[k] += factors[k];
        }

        return sum;
    }
}
