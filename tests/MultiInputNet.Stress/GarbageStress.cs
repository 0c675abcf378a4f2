using System.Diagnostics;
using MultiInputNet.Data;
using MultiInputNet.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Stress;

/// <summary>
/// Trains, evaluates, predicts and computes beside a thread that collects garbage in a loop, and compares every result, to the bit, with that of
/// the same work without the collector. Objects that die while native code uses them end the process or change a result.
/// </summary>
internal static class GarbageStress
{
    private static readonly string[] Tasks = ["image", "table"];

    public static string Run(TimeSpan time)
    {
        set_num_threads(1); // threads that wait for each other by spinning would take the collector's time
        var works = Works().ToArray();
        var expected = new Dictionary<string, double[]>();
        var before = GC.CollectionCount(0);
        var runs = 0;
        var clock = Stopwatch.StartNew();
        for (; runs < works.Length || clock.Elapsed < time; runs++)
        {
            var (name, result) = works[runs % works.Length];
            if (!expected.ContainsKey(name))
                expected[name] = result();
            using var collector = new Collector();
            if (!result().AsSpan().SequenceEqual(expected[name]))
                throw new InvalidOperationException($"{name}: the result differs from that without the collector.");
        }

        return $"{runs} runs of {works.Length} works beside {GC.CollectionCount(0) - before} collections";
    }

    private static IEnumerable<(string Name, Func<double[]> Result)> Works()
    {
        yield return ("arithmetic", ComputeWithNumbers);
        yield return ("temporary tensors", ComputeWithTemporaries);
        OptimizerSpec[] optimizers = [Optimizers.AdamW(), Optimizers.Sgd(0), Optimizers.Sgd(), Optimizers.Sgd(nesterov: true)];
        foreach (var balancing in TrainingCase.Balancings)
        {
            foreach (var optimizer in optimizers)
                yield return ($"training with {optimizer} and {balancing}", () => Train(new() { Optimizer = optimizer, Balancing = balancing }));
        }

        yield return ("training with everything", () => Train(new() { MixupAlpha = 0.5, WeightAverageDecay = 0.9, AccumulatedBatches = 2, EarlyStopping = new() { Patience = 2 } }));
        yield return ("evaluation", Evaluate);
        yield return ("prediction", Predict);
        yield return ("loop with Adam", () => Loop(parameters => optim.Adam(parameters, weight_decay: 0.01, amsgrad: true)));
        yield return ("loop with AdamW", () => Loop(parameters => optim.AdamW(parameters, amsgrad: true)));
        yield return ("loop with SGD", () => Loop(parameters => optim.SGD(parameters, 0.01, momentum: 0.9, weight_decay: 0.01)));
        yield return ("loop with RMSProp", () => Loop(parameters => optim.RMSProp(parameters, momentum: 0.9, centered: true)));
        yield return ("loop with Adagrad", () => Loop(parameters => optim.Adagrad(parameters)));
        yield return ("loop with Adadelta", () => Loop(parameters => optim.Adadelta(parameters)));
        yield return ("loop with Adamax", () => Loop(parameters => optim.Adamax(parameters)));
        yield return ("loop with NAdam", () => Loop(parameters => optim.NAdam(parameters)));
        yield return ("loop with RAdam", () => Loop(parameters => optim.RAdam(parameters)));
        yield return ("loop with ASGD", () => Loop(parameters => optim.ASGD(parameters)));
        yield return ("loop with Rprop", () => Loop(parameters => optim.Rprop(parameters)));
    }

    private static MultiInputModel Build()
    {
        random.manual_seed(1);
        return MultiInputModel.Define()
            .Input("image", Inputs.Image(2, 6, 6))
            .Input("table", Inputs.Tabular(5))
            .Base(Bases.From("arithmetic", 6, () => new Arithmetic(6)))
            .Task("image", Heads.Classification(3, labelSmoothing: 0.1, dropout: 0.2), fusion: Fusions.GlobalAverage())
            .Task("table", Heads.Regression(1))
            .Build(CPU);
    }

    private static TensorSource[] Sources()
    {
        random.manual_seed(7);
        var images = randn(48, 2, 6, 6);
        var rows = randn(48, 5);
        return
        [
            new("image", images, (images.mean([1, 2, 3]) * 8).clamp(-1, 1).round().to(ScalarType.Int64) + 1),
            new("table", rows, rows[.., ..1] - rows[.., 1..2]),
        ];
    }

    private static double[] Train(TrainerOptions options)
    {
        using var model = Build();
        var sources = Sources();
        var history = new Trainer(model, options with { Epochs = 3, BatchSize = 8, Seed = 5 }).Fit(sources, validation: sources);
        return [.. Weights(model), .. history.Epochs[^1].Losses.Values];
    }

    private static double[] Evaluate()
    {
        using var model = Build();
        var trainer = new Trainer(model);
        var sources = Sources();
        return [.. Enumerable.Range(0, 5).SelectMany(_ => trainer.Evaluate(sources).Values).SelectMany(result => result.Metrics.Values.Append(result.Loss))];
    }

    private static double[] Predict()
    {
        using var model = Build();
        model.eval();
        random.manual_seed(3);
        var inputs = new Dictionary<string, Tensor> { ["image"] = randn(4, 2, 6, 6), ["table"] = randn(4, 5) };
        return [.. Enumerable.Range(0, 10).SelectMany(_ => model.forward(inputs, Tasks).Values).SelectMany(Values)];
    }

    /// <summary>A loop of one's own over a module of one's own, without dispose scopes: all that is temporary is left to the collector.</summary>
    private static double[] Loop(Func<IEnumerable<Parameter>, optim.Optimizer> create)
    {
        random.manual_seed(2);
        using var module = new Arithmetic(3);
        using var optimizer = create(module.parameters());
        var input = randn(4, 3, 5, 5);
        for (var step = 0; step < 10; step++)
        {
            optimizer.zero_grad();
            var output = module.call(input);
            var loss = ((output - input * 0.5) * 2).pow(2).mean() + 0.01 * output.abs().sum();
            loss.backward();
            nn.utils.clip_grad_norm_(module.parameters(), 1);
            optimizer.step();
        }

        return Weights(module);
    }

    private static double[] ComputeWithNumbers()
    {
        random.manual_seed(4);
        using var module = new Arithmetic(3);
        var input = randn(2, 3, 4, 4);
        return [.. Enumerable.Range(0, 20).SelectMany(_ => Values(module.call(input)))];
    }

    private static double[] ComputeWithTemporaries()
    {
        random.manual_seed(6);
        var values = randn(64, 64);
        var total = zeros(64);
        for (var i = 0; i < 50; i++)
        {
            var next = cat([values.narrow(0, 0, 32).clone(), values.narrow(0, 32, 32).neg()], 0).matmul(values.t().contiguous());
            total += stack([next.softmax(1).sum(dim: 0), next.exp().clamp(0, 2).mean([0]), next[TensorIndex.Slice(), 3], next.sort(1).Values[5]]).sum(dim: 0);
        }

        return Values(total);
    }

    private static double[] Weights(nn.Module module) => [.. module.state_dict().Values.SelectMany(Values)];

    private static double[] Values(Tensor tensor) => tensor.detach().to(ScalarType.Float64).flatten().data<double>().ToArray();

    /// <summary>A module as a user writes it: layers, and arithmetic between tensors and numbers.</summary>
    /// <remarks>Linear over the channels, since libtorch 2.10 computes convolutions of so few channels wrongly on some CPUs.</remarks>
    private sealed class Arithmetic : nn.Module<Tensor, Tensor>
    {
        private readonly Linear first;
        private readonly Linear second;

        public Arithmetic(long channels)
            : base(nameof(Arithmetic))
        {
            first = nn.Linear(channels, 8);
            second = nn.Linear(8, channels);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var x = first.call(input.transpose(1, 3) * 2 + 1);
            x = (x - 0.5).pow(2) / 3 + 1 / (x.abs() + 1.5);
            x = where(x >= 0.1, x, x * -0.25).clamp(-2, 2);
            x = x.masked_fill(x > 1.9, 1.5).leaky_relu(0.2) + x.eq(0).to_type(x.dtype) + full_like(x, 0.125);
            x = x.add(0.25, 0.5).mul(0.75).sub(0.125).div(1.25).remainder(3).clamp_min(-1).clamp_max(3);
            x = x.addcmul(x, x, 0.1).lerp(x.ne(7).to_type(x.dtype), 0.05).threshold(-1, 0);
            return 1 - second.call(x * 1e-1).transpose(1, 3);
        }
    }

    /// <summary>Collects garbage on a thread of its own until it is disposed of.</summary>
    private sealed class Collector : IDisposable
    {
        private readonly Thread thread;
        private volatile bool ended;

        public Collector()
        {
            thread = new(() =>
            {
                for (var i = 0; !ended; i++)
                {
                    GC.Collect(i % 4 == 0 ? GC.MaxGeneration : 0);
                    Thread.Yield(); // or it would take all the time where cores are few
                }
            });
            thread.Start();
        }

        public void Dispose()
        {
            ended = true;
            thread.Join();
        }
    }
}
