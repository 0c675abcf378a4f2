using System.Reflection;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>A run as an object: who goes with whom, and what is ambient.</summary>
public sealed class ModelRunTests
{
    [Fact]
    public void The_only_ambient_state_is_the_run_of_a_base()
    {
        const BindingFlags all = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        var fields = typeof(MultiInputModel).Assembly.GetTypes().Where(type => !type.ContainsGenericParameters).SelectMany(type => type.GetFields(all)).ToArray();

        fields.Where(field => field.IsDefined(typeof(ThreadStaticAttribute))).Select(field => $"{field.DeclaringType!.Name}.{field.Name}").Should().Equal("BaseRun.current");
        fields.Where(field => field.FieldType.Name.StartsWith("AsyncLocal", StringComparison.Ordinal) || field.FieldType.Name.StartsWith("ThreadLocal", StringComparison.Ordinal))
            .Should().BeEmpty();
        BaseRun.Current.Should().BeNull("no run goes on");
    }

    [Fact]
    public void A_run_ends_with_its_model_s_forward_even_where_that_throws()
    {
        using var scope = NewDisposeScope();
        using var model = Build(PerInput.Normalization);
        var hook = model.Paths.First().Base.register_forward_pre_hook((_, _) =>
        {
            BaseRun.Current!.Input.Should().Be("a");
            throw new InvalidOperationException("no");
        });

        FluentActions.Invoking(() => model.forward(rand(2, 1, 8, 8), "a")).Should().Throw<InvalidOperationException>();

        BaseRun.Current.Should().BeNull();
        hook.remove();
    }

    [Theory]
    [InlineData(true, true, "a+b+d c")]
    [InlineData(true, false, "a+b+d c")]
    [InlineData(false, true, "a+b+d c")]
    [InlineData(false, false, "a b d c")]
    public void A_run_shows_which_inputs_go_together(bool training, bool merges, string expected)
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        model.train(training);
        var run = Plan(model, merges, 2, "a", "b", "d", "c");

        string.Join(' ', run.Batches.Select(batch => string.Join('+', batch.Inputs.Select(input => input.Path.Name)))).Should().Be(expected);
        run.Absent.Should().Equal("e");
        run.Batches[0].EntersAfterFirst.Should().BeTrue();
    }

    [Fact]
    public void Only_where_samples_do_not_mix_does_the_size_of_a_batch_set_inputs_apart()
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        model.eval();
        Plan(model, true, 2000, "a", "b").Batches.Should().HaveCount(2);
        model.train();
        Plan(model, true, 2000, "a", "b").Batches.Should().ContainSingle();
    }

    [Fact]
    public void A_summary_shows_which_inputs_share_a_batch_and_why_others_do_not()
    {
        using (var model = Build())
        {
            model.Summary().ReplaceLineEndings("\n").Should().Contain(
                """
                  mixes the samples of a batch in training:
                    a, b, d, e together (maps of 8×8×8)
                    c alone (maps of 8×6×6)
                """.ReplaceLineEndings("\n"));
        }

        using (var model = Build(PerInput.Statistics))
            model.Summary().Should().Contain("    a alone (layers of its own)").And.Contain("    c alone (layers of its own)");
        using (var model = Build(normalization: Normalization.Group))
            model.Summary().Should().Contain("  mixes no samples: each input goes through as if alone, and maps of one size are joined for speed only");
    }

    private static ModelRun Plan(MultiInputModel model, bool merges, int count, params string[] names) => new(
        model.Built.Groups, [.. names.Select(name => (name, rand([count, .. model.Description.Inputs.Single(input => input.Name == name).Spec.Shape])))], [], CPU, ScalarType.Float32, merges);

    private static MultiInputModel Build(PerInput perInput = PerInput.Nothing, Normalization normalization = Normalization.Batch) => MultiInputModel.Define()
        .Input("a", Inputs.Image(1, 8, 8)).Input("b", Inputs.Image(3, 8, 8), Projections.Convolution(activation: Activation.ReLU)).Input("c", Inputs.Image(3, 6, 6))
        .Input("d", Inputs.Image(5, 8, 8), Projections.AdaptedStem()).Input("e", Inputs.Image(2, 8, 8))
        .Base(Bases.ConvNet(4, 8) with { Normalization = normalization }, perInput: perInput).Fusion(Fusions.GlobalAverage())
        .Task("a", Heads.Regression(1)).Task("b", Heads.Regression(1)).Task("c", Heads.Regression(1)).Task("d", Heads.Regression(1)).Task("e", Heads.Regression(1)).Build(CPU);
}
