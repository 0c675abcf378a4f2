using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class FusionTests
{
    private static readonly MapShape[] shapes = [new(4, 3, 2), new(4, 5, 5)];

    private static FeatureSet[] Sets(params Tensor[] values) => [.. values.Select(value => new FeatureSet(value))];

    private static Tensor[] Maps(int batch = 3) => [.. shapes.Select(shape => randn(batch, shape.Channels, shape.Height, shape.Width))];

    [Fact]
    public void Fusions_of_one_input_are_what_their_names_say()
    {
        using var scope = NewDisposeScope();
        var map = Maps()[0];
        var values = map.data<float>().ToArray().Chunk(6).ToArray();

        Run(Fusions.Flatten()).ShouldBeSame(map.reshape(3, 24));
        Run(Fusions.GlobalAverage()).data<float>().ToArray().Should().Equal(values.Select(v => v.Average()), (a, b) => Math.Abs(a - b) < 1e-6);
        Run(Fusions.GlobalMax()).data<float>().ToArray().Should().Equal(values.Select(v => v.Max()));

        Tensor Run(FusionSpec spec) => FusionSpec.Fuse(spec.Create([shapes[0]]), [new(map)]);
    }

    [Fact]
    public void Fusions_of_several_inputs_combine_the_vector_of_each()
    {
        using var scope = NewDisposeScope();
        var maps = Maps();
        var (a, b) = (maps[0].mean([2, 3]), maps[1].mean([2, 3]));

        Run(Fusions.Concat(Fusions.GlobalAverage())).ShouldEqual(cat([a, b], 1), 1e-6);
        Run(Fusions.Sum(Fusions.GlobalAverage())).ShouldEqual(a + b, 1e-6);
        Run(Fusions.Mean(Fusions.GlobalAverage())).ShouldEqual((a + b) / 2, 1e-6);

        Tensor Run(FusionSpec spec) => FusionSpec.Fuse(spec.Create(shapes), Sets(maps));
    }

    [Fact]
    public void Attention_over_several_maps_is_attention_over_the_positions_of_all()
    {
        using var scope = NewDisposeScope();
        using var fusion = new AttentionFusion(channels: 4, heads: 2);
        var (maps, weights) = (Maps(), fusion.state_dict());
        var tokens = cat([.. maps.Select(map => map.flatten(2).transpose(1, 2))], 1);

        // Scaled dot-product attention, one sample and head after the other, as the paper writes it.
        var (inWeight, inBias) = (weights["in_proj_weight"].chunk(3), weights["in_proj_bias"].chunk(3));
        var projected = inWeight.Zip(inBias, (w, b) => tokens.matmul(w.t()) + b).ToArray();
        var heads = Enumerable.Range(0, 2).Select(head =>
        {
            var (q, k, v) = (Part(projected[0]), Part(projected[1]), Part(projected[2]));
            return nn.functional.softmax(q.matmul(k.transpose(1, 2)) / Math.Sqrt(2), 2).matmul(v);

            Tensor Part(Tensor x) => x[.., .., (2 * head)..(2 * head + 2)];
        });
        var attended = cat([.. heads], 2).matmul(weights["out_proj.weight"].t()) + weights["out_proj.bias"];
        fusion.forward(Sets(maps)).ShouldEqual(attended.mean([1]), 1e-5);
    }

    [Fact]
    public void Attention_drops_weights_in_training_mode_only()
    {
        using var scope = NewDisposeScope();
        using var fusion = new AttentionFusion(channels: 4, heads: 2, dropout: 0.5);
        var map = Maps()[1];
        fusion.forward(map).eq(fusion.forward(map)).all().ToBoolean().Should().BeFalse();
        fusion.eval();
        fusion.forward(map).ShouldBeSame(fusion.forward(map));
    }

    [Fact]
    public void Gradients_equal_finite_differences()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        foreach (var spec in new FusionSpec[] { Fusions.Attention(2), Fusions.Concat(Fusions.GlobalMax()), Fusions.Sum(Fusions.GlobalAverage()) })
        {
            using var fusion = spec.Create(shapes);
            fusion.to(ScalarType.Float64);
            var maps = Maps(1).Select(map => map.to(ScalarType.Float64)).ToArray();
            var direction = randn_like(maps[0]);
            double Value(double step) => FusionSpec.Fuse(fusion, Sets(maps[0].detach() + direction * step, maps[1])).square().sum().ToDouble();
            maps[0].requires_grad_();
            FusionSpec.Fuse(fusion, Sets(maps)).square().sum().backward();

            const double step = 1e-5;
            var expected = (Value(step) - Value(-step)) / (2 * step);
            (maps[0].grad! * direction).sum().ToDouble().Should().BeApproximately(expected, 1e-6 * Math.Max(1, Math.Abs(expected)), spec.Title);
        }
    }
}
