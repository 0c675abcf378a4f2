using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class ModelSizeTests
{
    public static TheoryData<string, MultiInputModelBuilder> Models => new()
    {
        { "image", Model(Inputs.Image(3, 8, 8), Bases.ConvNet(4, 8, 16), Heads.Classification(5)) },
        { "table", Model(Inputs.Tabular(7), Bases.ConvNet(4, 8) with { Depth = 3 }, Heads.Regression(2, hidden: 9)) },
        { "sequence", Model(Inputs.Sequence(2, 30), Bases.ConvNet(4, 4, 8) with { Residual = true, Depth = 2 }, Heads.MultiLabel(3)) },
        { "tokens", Model(Inputs.Tokens(50, 12), Bases.ConvNet(6, 8) with { Normalization = Normalization.Batch }, Heads.Classification(5)) },
        { "attention", Model(Inputs.Image(1, 8, 8), Bases.ConvNet(4, 8), Heads.Classification(5)).Fusion(Fusions.Attention(2)) },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void A_model_may_have_as_many_weights_as_it_is_allowed_and_not_one_more(string what, MultiInputModelBuilder builder)
    {
        var description = builder.Describe();
        using var scope = NewDisposeScope();
        using var model = new MultiInputModel(description, CPU);
        var weights = model.parameters().Where(parameter => parameter.dim() > 1).Sum(parameter => parameter.numel());

        using var same = new MultiInputModel(description, CPU, largestModel: weights);
        var refused = () => new MultiInputModel(description, CPU, largestModel: weights - 1);

        refused.Should().Throw<MultiInputException>(what).WithMessage($"*has more than {weights - 1:N0}. Make its sizes smaller.");
    }

    [Fact]
    public void A_model_beyond_all_memory_is_refused_before_it_is_made()
    {
        var build = () => Model(Inputs.Tabular(65_536), Bases.ConvNet(65_536, 65_536), Heads.Classification(65_536)).Build(CPU);

        build.Should().Throw<MultiInputException>().WithMessage("Base, base: with its 38,654,705,664 weights the model has more than 10,000,000,000.*");
    }

    [Fact]
    public void An_input_beyond_all_memory_is_refused()
    {
        var build = () => Model(Inputs.Image(4, 65_536, 65_536), Bases.ConvNet(4, 4), Heads.Classification(2)).Build(CPU);

        build.Should().Throw<MultiInputException>().WithMessage("Input 'a', input: a sample of shape (4, 65536, 65536) has 17,179,869,184 values.*");
    }

    private static MultiInputModelBuilder Model(InputSpec input, BaseSpec sharedBase, HeadSpec head) =>
        MultiInputModel.Define().Input("a", input).Base(sharedBase).Task("a", head);
}
