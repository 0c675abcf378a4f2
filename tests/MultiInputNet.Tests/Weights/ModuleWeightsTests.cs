using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Weights;

public sealed class ModuleWeightsTests
{
    [Theory]
    [InlineData("plain.pth", "")]
    [InlineData("checkpoint.pth", "module.")]
    public void A_state_dict_of_PyTorch_is_loaded(string name, string prefix)
    {
        using var scope = NewDisposeScope();
        using var network = WeightFixtures.Network();

        var report = network.LoadWeights(WeightFixtures.File(name));

        WeightFixtures.ShouldEqual(network.state_dict(), WeightFixtures.NetworkWeights());
        report.IsComplete.Should().BeTrue();
        report.Loaded.Should().BeEquivalentTo(network.state_dict().Keys);
        report.StrippedPrefix.Should().Be(prefix);
        report.Converted.Should().BeEmpty();
    }

    [Fact]
    public void Half_precision_is_converted_to_what_the_module_has()
    {
        using var scope = NewDisposeScope();
        using var network = WeightFixtures.Network();

        var report = network.LoadWeights(WeightFixtures.File("half.pth"));

        WeightFixtures.ShouldEqual(network.state_dict(), WeightFixtures.NetworkWeights());
        report.Converted.Should().HaveCount(6);
        report.ToString().Should().Contain("6 converted: 'linear.weight' Float16 in the file and Float32 in the module, ").And.EndWith(" and 1 more");
    }

    [Fact]
    public void Brain_floats_are_converted_too()
    {
        using var scope = NewDisposeScope();
        using var module = new Box(("bfloat16", zeros(2, 3)), ("float64", zeros(2, 3)));

        var report = module.LoadWeights(WeightFixtures.File("kinds2.pth"), new LoadOptions { Strict = false });

        module.state_dict()["bfloat16"].data<float>().Should().Equal(-0.5f, -0.25f, 0, 0.25f, 0.5f, 0.75f);
        report.Converted.Select(type => type.Name).Should().BeEquivalentTo("bfloat16", "float64");
        report.Unexpected.Should().HaveCount(16);
    }

    [Fact]
    public void A_strict_load_names_what_does_not_fit_and_changes_nothing()
    {
        using var scope = NewDisposeScope();
        using var network = WeightFixtures.Network(outputs: 4);
        var before = network.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        var load = () => network.LoadWeights(
            WeightFixtures.File("plain.pth"), new LoadOptions { Rename = name => name.Replace("norm.bias", "norm.shift", StringComparison.Ordinal) });

        load.Should().Throw<MultiInputException>().WithMessage(
            "File '*plain.pth', file: it does not fit the module: 1 missing in the file: 'norm.bias'; 1 unexpected in the file: 'norm.shift'; "
            + "2 of another shape: 'linear.weight' (2, 3) in the file and (4, 3) in the module, 'linear.bias' (2) in the file and (4) in the module. Let LoadOptions *");
        WeightFixtures.ShouldEqual(network.state_dict(), before);
    }

    [Fact]
    public void A_load_that_is_not_strict_takes_what_fits_and_reports_the_rest()
    {
        using var scope = NewDisposeScope();
        using var network = WeightFixtures.Network(outputs: 4);

        var report = network.LoadWeights(WeightFixtures.File("plain.pth"), new LoadOptions { Strict = false, Ignore = ["norm.running_*", "nothing"] });

        report.IsComplete.Should().BeFalse();
        report.Loaded.Should().BeEquivalentTo("norm.weight", "norm.bias", "norm.num_batches_tracked");
        report.OtherShape.Select(shape => shape.Name).Should().BeEquivalentTo("linear.weight", "linear.bias");
        report.OtherShape[0].InFile.Should().Equal(2, 3);
        report.OtherShape[0].InModule.Should().Equal(4, 3);
        report.Ignored.Should().BeEquivalentTo("norm.running_mean", "norm.running_var");
        report.ToString().ReplaceLineEndings("\n").Should().Be(
            $"""
            3 weights loaded from '{WeightFixtures.File("plain.pth")}' (PyTorch)
              2 of another shape: 'linear.weight' (2, 3) in the file and (4, 3) in the module, 'linear.bias' (2) in the file and (4) in the module
              2 ignored: 'norm.running_mean', 'norm.running_var'
            """.ReplaceLineEndings("\n"));
        var weights = network.state_dict();
        weights["norm.weight"].data<float>().Should().Equal(1, 1);
        weights["norm.running_mean"].data<float>().Should().Equal(9, 9);
        weights["linear.bias"].data<float>().Should().Equal(9, 9, 9, 9);
    }

    [Fact]
    public void Every_name_of_the_file_and_the_module_is_in_the_report_once()
    {
        using var scope = NewDisposeScope();
        using var module = new Box(("float32", zeros(2, 3)), ("int64", zeros(6)), ("scalar", zeros(1)), ("own", zeros(1)), ("bool", zeros(6, ScalarType.Bool)));
        using var file = WeightFile.Open(WeightFixtures.File("kinds4.pth"));

        var report = module.LoadWeights(file, new LoadOptions { Strict = false, Ignore = ["tied.*"] });

        report.OtherType.Should().BeEquivalentTo([new TypeDifference { Name = "int64", InFile = ScalarType.Int64, InModule = ScalarType.Float32 }]);
        report.Loaded
            .Concat(report.Missing)
            .Concat(report.Unexpected)
            .Concat(report.OtherShape.Select(shape => shape.Name))
            .Concat(report.OtherType.Select(type => type.Name))
            .Concat(report.Ignored)
            .Should().BeEquivalentTo(file.Entries.Select(entry => entry.Name).Append("own"));
    }

    [Fact]
    public void Names_are_stripped_renamed_and_prefixed_in_this_order()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(("sharedBase", nn.Sequential(("dense", nn.Linear(3, 2)))), ("head", nn.Linear(2, 5)));
        var head = model.state_dict()["head.weight"].clone();

        var report = model.LoadWeights(WeightFixtures.File("checkpoint.pth"), new LoadOptions
        {
            StripPrefix = "module.linear.",
            Rename = name => $"dense.{name}",
            AddPrefix = "sharedBase.",
            Ignore = ["sharedBase.dense.module.norm.*"],
        });

        report.Loaded.Should().BeEquivalentTo("sharedBase.dense.weight", "sharedBase.dense.bias");
        report.Ignored.Should().HaveCount(7).And.Contain(["head.weight", "sharedBase.dense.module.norm.bias"]);
        model.state_dict()["sharedBase.dense.bias"].data<float>().Should().Equal(0.5f, -0.5f);
        model.state_dict()["head.weight"].eq(head).all().ToBoolean().Should().BeTrue();
    }

    [Fact]
    public void Two_weights_of_one_name_are_refused()
    {
        using var scope = NewDisposeScope();
        using var network = WeightFixtures.Network();
        var load = () => network.LoadWeights(WeightFixtures.File("plain.pth"), new LoadOptions { Rename = _ => "same" });

        load.Should().Throw<MultiInputException>().WithMessage("*the options give both 'linear.weight' and 'linear.bias' the name 'same'.*");
    }

    [Fact]
    public void The_prefix_of_DataParallel_stays_where_the_module_has_it_or_the_options_say_so()
    {
        using var scope = NewDisposeScope();
        using var wrapped = nn.Sequential(("module", WeightFixtures.Network()));
        using var network = WeightFixtures.Network();

        wrapped.LoadWeights(WeightFixtures.File("checkpoint.pth")).StrippedPrefix.Should().BeEmpty();
        network.Invoking(module => module.LoadWeights(WeightFixtures.File("checkpoint.pth"), new LoadOptions { StripPrefix = "" }))
            .Should().Throw<MultiInputException>().WithMessage("*7 missing in the file: *7 unexpected in the file: *");
    }

    [Fact]
    public void Loading_leaves_no_tensor_behind()
    {
        using var network = WeightFixtures.Network();
        network.LoadWeights(WeightFixtures.File("half.pth"));
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        for (var i = 0; i < 3; i++)
            network.LoadWeights(WeightFixtures.File("half.pth"));

        DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount.Should().Be(before);
    }

    [Fact]
    public void Loaded_parameters_still_learn()
    {
        using var scope = NewDisposeScope();
        using var network = nn.Linear(3, 2);
        var report = network.LoadWeights(WeightFixtures.File("plain.pth"), new LoadOptions { StripPrefix = "linear.", Strict = false });

        network.call(ones(1, 3)).sum().backward();

        report.Loaded.Should().BeEquivalentTo("weight", "bias");
        network.weight!.grad!.data<float>().Should().Equal(1, 1, 1, 1, 1, 1);
    }

    private sealed class Box : nn.Module<Tensor, Tensor>
    {
        public Box(params (string Name, Tensor Value)[] buffers)
            : base(nameof(Box))
        {
            foreach (var (name, value) in buffers)
                register_buffer(name, value);
        }

        public override Tensor forward(Tensor input) => input;
    }
}
