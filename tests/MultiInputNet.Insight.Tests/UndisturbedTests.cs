using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests;

/// <summary>A scope that leaves no trace in a model.</summary>
public sealed class UndisturbedTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly MultiInputModel model = Build();

    public void Dispose()
    {
        model.Dispose();
        scope.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_model_is_as_before_also_after_an_exception(bool fails)
    {
        model.train();
        model.Freeze(Parts.BaseStages("stages.0"));
        model.Head("a").eval();
        using (var loss = model.forward(rand(4, 1, 8, 8), "a").sum())
            loss.backward();
        var trace = new ModelTrace(model);

        void Look()
        {
            using var undisturbed = new Undisturbed(model, gradients: true);
            model.modules().Should().OnlyContain(module => !module.training);
            model.parameters().All(parameter => parameter.grad is null).Should().BeTrue();
            model.forward(rand(4, 1, 8, 8), "a").sum().backward();
            foreach (var parameter in model.parameters())
                parameter.requires_grad = false;
            foreach (var buffer in model.buffers().Where(buffer => buffer.is_floating_point()))
                buffer.add_(1);
            if (fails)
                throw new InvalidOperationException("no");
        }

        if (fails)
            FluentActions.Invoking(Look).Should().Throw<InvalidOperationException>();
        else
            Look();

        trace.ShouldBeUnchanged();
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Gradients_are_on_or_off_whatever_they_were(bool before, bool within)
    {
        using (set_grad_enabled(before))
        {
            using (new Undisturbed(model, gradients: within))
                model.forward(rand(1, 1, 8, 8), "a").requires_grad.Should().Be(within);
            is_grad_enabled().Should().Be(before);
        }
    }

    [Fact]
    public void Gradients_can_be_had_within_inference_mode()
    {
        using (inference_mode())
        {
            using var undisturbed = new Undisturbed(model, gradients: true);
            model.forward(rand(1, 1, 8, 8), "a").requires_grad.Should().BeTrue();
        }
    }

    [Fact]
    public void What_it_was_told_to_do_at_its_end_is_done_last_first()
    {
        var done = new List<int>();
        using (var undisturbed = new Undisturbed(model, gradients: false))
        {
            undisturbed.AtItsEnd(() => done.Add(1));
            undisturbed.AtItsEnd(() => done.Add(2));
            done.Should().BeEmpty();
        }

        done.Should().Equal(2, 1);
    }

    [Fact]
    public void A_model_that_was_disposed_of_is_refused_and_nothing_stays_locked()
    {
        var gone = Build();
        gone.Dispose();
        FluentActions.Invoking(() => new Undisturbed(gone, gradients: true)).Should().Throw<ObjectDisposedException>();

        var other = new Thread(() => new Undisturbed(model, gradients: true).Dispose());
        other.Start();
        other.Join(TimeSpan.FromMinutes(1)).Should().BeTrue();
    }

    [Fact]
    public void Nothing_of_it_stays_in_memory()
    {
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 5; i++)
        {
            using var undisturbed = new Undisturbed(model, gradients: true);
            model.forward(rand(1, 1, 8, 8), "a");
        }

        DisposeScopeManager.Statistics.ThreadTotalLiveCount.Should().Be(before);
    }

    private static MultiInputModel Build() => MultiInputModel.Define()
        .Input("a", Inputs.Image(1, 8, 8))
        .Base(Bases.ConvNet(channels: 4) with { Normalization = Normalization.Batch })
        .Task("a", Heads.Classification(3))
        .Build(CPU, seed: 1);
}
