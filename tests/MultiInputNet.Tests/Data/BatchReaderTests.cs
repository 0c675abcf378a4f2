using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

public sealed class BatchReaderTests
{
    [Fact]
    public void Batches_come_in_order_however_long_each_takes()
    {
        using var scope = NewDisposeScope();
        var source = new SlowSource(row => row % 3 == 0 ? 20 : 1);
        using var reader = new BatchReader(source, step => [step, step + 1], firstStep: 2, endStep: 30);

        for (var step = 2L; step < 30; step++)
        {
            var batch = reader.Next();
            batch.Rows.Should().Equal(step, step + 1);
            batch.Inputs["t"].data<float>().ToArray().Should().Equal(step, step + 1);
        }

        reader.Invoking(r => r.Next()).Should().Throw<InvalidOperationException>();
        source.Threads.Should().NotContain(Environment.CurrentManagedThreadId);
    }

    [Fact]
    public void No_more_is_read_than_was_agreed()
    {
        using var scope = NewDisposeScope();
        var source = new SlowSource(_ => 2);
        using var reader = new BatchReader(source, step => [step], 0, 1000, workers: 2, capacity: 4);

        for (var step = 0; step < 20; step++)
        {
            reader.Next();
            if (step % 5 == 0)
                Thread.Sleep(30);
            source.Begun.Should().BeLessThanOrEqualTo(step + 1 + 4, "{0} batches were taken and 4 may wait", step + 1);
        }

        source.MostAtOnce.Should().Be(2);
    }

    [Fact]
    public void A_broken_sample_is_reported_at_its_step()
    {
        using var scope = NewDisposeScope();
        using var reader = new BatchReader(new SlowSource(_ => 0) { BrokenRow = 3 }, step => [step], 0, 10);

        for (var step = 0; step < 3; step++)
            reader.Next();

        reader.Invoking(r => r.Next()).Should().Throw<MultiInputException>().WithMessage("*photo 3*");
    }

    [Fact]
    public void Disposal_ends_reading_and_leaves_no_tensor()
    {
        var source = new SlowSource(_ => 5) { BrokenRow = 2 };
        using (var reader = new BatchReader(source, step => [step], 0, 1000))
            reader.Next().Inputs["t"].Dispose();

        var begun = source.Begun;
        Thread.Sleep(50);
        source.Begun.Should().Be(begun).And.BeLessThanOrEqualTo(5);
        source.Made.Should().OnlyContain(tensor => tensor.IsInvalid);
    }

    [Fact]
    public void Batches_belong_to_the_scope_that_takes_them()
    {
        var source = new SlowSource(_ => 0);
        using var reader = new BatchReader(source, step => [step], 0, 2);
        Tensor taken;
        using (NewDisposeScope())
        {
            taken = reader.Next().Inputs["t"];
            taken.IsInvalid.Should().BeFalse();
        }

        taken.IsInvalid.Should().BeTrue();
    }

    [Fact]
    public void A_source_in_memory_is_read_when_it_is_asked()
    {
        using var scope = NewDisposeScope();
        var source = new TensorSource("t", arange(4).to(ScalarType.Float32), zeros(4, ScalarType.Int64));
        var asked = 0;
        using var reader = new BatchReader(source, step => { asked++; return [step]; }, 0, 4);

        asked.Should().Be(0);
        reader.Next();
        reader.Next().Inputs["t"].item<float>().Should().Be(1);
        asked.Should().Be(2);
    }

    /// <summary>Row r holds the number r and takes as long as it is told.</summary>
    private sealed class SlowSource(Func<long, int> milliseconds)
        : DataSource("t", ["t"], new Dictionary<string, Tensor> { ["t"] = zeros(2000, ScalarType.Int64) })
    {
        private readonly Lock gate = new();
        private int atOnce;

        public long BrokenRow { get; init; } = -1;

        public int Begun { get; private set; }

        public int MostAtOnce { get; private set; }

        public List<int> Threads { get; } = [];

        public List<Tensor> Made { get; } = [];

        public override InputBatch Read(IReadOnlyList<long> rows)
        {
            lock (gate)
            {
                Begun++;
                MostAtOnce = Math.Max(MostAtOnce, ++atOnce);
                Threads.Add(Environment.CurrentManagedThreadId);
            }

            Thread.Sleep(milliseconds(rows[0]));
            if (rows.Contains(BrokenRow))
                throw new MultiInputException($"photo {BrokenRow}", ModelComponent.File, "it is broken.", "Mend it.");
            var samples = tensor(rows.Select(row => (float)row).ToArray());
            lock (gate)
            {
                atOnce--;
                Made.Add(samples);
            }

            return new(rows, new Dictionary<string, Tensor> { ["t"] = samples });
        }
    }
}
