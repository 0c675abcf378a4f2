using System.Globalization;
using System.Security.Cryptography;
using MultiInputNet.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// Finds what is legal in data but probably a mistake. All labels are checked; samples are only spot-checked, so that training on files
/// starts without delay.
/// </summary>
internal static class DataChecks
{
    private const int SamplesOfFiles = 64;
    private const int SamplesInMemory = 1024;
    private const long ValuesLookedAt = 4_000_000;
    private const long ComparedBytes = 64L << 20;
    private const int FewSamples = 10;
    private const int NamesInMessage = 5;

    // Standardised values have a root mean square of 1, values from 0 to 1 one below 1, and pixels from 0 to 255 one above 100.
    private const double LargeScale = 5;
    private const double SmallDeviation = 0.01;

    // In tables of few values, rows that are equal by chance are not a leak.
    private const double SharedByChance = 0.1;

    /// <summary>The warnings, in sentences.</summary>
    public static IEnumerable<string> Find(
        MultiInputModel model, TrainerOptions options, IReadOnlyList<DataSource> sources, IReadOnlyList<DataSource> validation)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return
        [
            .. sources.SelectMany(source => FindInInputs(model, source)),
            .. sources.SelectMany(source => source.Targets.Keys).Distinct().SelectMany(task => FindInLabels(model, task, sources, validation)),
            .. sources.SelectMany(source => FindInBatches(options, source)),
            .. FindInSampling(model, options, sources),
            .. validation.SelectMany(source => FindShared(source, sources)),
        ];
    }

    /// <summary>Inputs that share a batch normalisation in a base although no step has several of them.</summary>
    private static IEnumerable<string> FindInSampling(MultiInputModel model, TrainerOptions options, IReadOnlyList<DataSource> sources)
    {
        if (options.Sampling == SourceSampling.All)
            yield break;
        foreach (var sharing in model.Paths.Where(path => path.Own?.modules().OfType<InputNormalization>().Any() != true).GroupBy(path => path.Base))
        {
            string[] names = [.. sharing.Select(path => path.Name).Where(name => sources.Any(source => source.InputNames.Contains(name)))];
            if (names.Length > 1 && sharing.Key.parameters().Any(parameter => parameter.requires_grad) && sharing.Key.modules().OfType<TorchSharp.Modules.BatchNorm>().Any()
                && !sources.Any(source => names.All(source.InputNames.Contains)))
            {
                yield return $"Inputs {Shapes.Names(names)} share a batch normalisation, but a step draws one source: each is trained with its own statistics and evaluated with a mixture of all. "
                    + "Give each its own, perInput: PerInput.Normalization, or sample all sources together.";
            }
        }
    }

    private static IEnumerable<string> FindInBatches(TrainerOptions options, DataSource source)
    {
        var batchSize = source.BatchSize ?? options.BatchSize;
        if (source.Count < batchSize)
            yield return Invariant($"Source '{source.Name}' has {source.Count} samples, fewer than its batch size of {batchSize}: every step takes all of them.");
    }

    private static IEnumerable<string> FindInLabels(MultiInputModel model, string task, IReadOnlyList<DataSource> sources, IReadOnlyList<DataSource> validation)
    {
        var trained = Labels(task, sources)!;
        var held = Labels(task, validation);
        var heldCount = held is null ? 0 : Present(held).sum().ToInt64();
        if (held is not null && heldCount < FewSamples)
            yield return Invariant($"Task '{task}': its validation set has {heldCount} labelled {(heldCount == 1 ? "sample" : "samples")}, too few for its metrics to mean much.");
        if (model.Head<TaskHead>(task).Classes is { } classes)
        {
            string Classes(IEnumerable<int> found) => Listed(found.Select(c => ClassName(model, task, c)));
            var counts = Counts(trained, classes);
            int[] Having(Func<long, bool> which) => [.. Enumerable.Range(0, classes).Where(c => which(counts[c]))];
            if (Having(count => count > 0) is [var only])
            {
                yield return Invariant($"Task '{task}': all its {counts[only]:N0} training labels are {Classes([only])}, so there is nothing to distinguish.");
                yield break;
            }

            if (Having(count => count == 0) is { Length: > 0 } missing && missing.Length < classes)
                yield return Invariant($"Task '{task}': {missing.Length} of its {classes} classes have no training sample and cannot be learned: {Classes(missing)}.");
            if (Having(count => count == 1) is { Length: > 0 } single)
                yield return Invariant($"Task '{task}': {single.Length} of its {classes} classes have a single training sample: {Classes(single)}. Add samples, or remove the classes.");
            if (heldCount > 0 && Counts(held!, classes) is var heldCounts && Having(count => count > 0).Where(c => heldCounts[c] == 0).ToArray() is { Length: > 0 } unseen)
                yield return Invariant($"Task '{task}': {unseen.Length} of its {classes} classes are not in the validation set: {Classes(unseen)}.");
        }
        else if (trained.is_floating_point() && trained.dim() == 2)
        {
            for (var output = 0; output < trained.shape[1]; output++)
            {
                var values = trained.select(1, output);
                values = values[values.isnan().logical_not()].to(ScalarType.Float64);
                if (values.numel() > 1 && values.min().item<double>() == values.max().item<double>())
                    yield return Invariant($"Task '{task}': {(trained.shape[1] == 1 ? "its target" : $"its output {output}")} is {values[0].item<double>():G6} in all {values.numel():N0} training samples, so there is nothing to learn.");
            }
        }
    }

    private static IEnumerable<string> FindInInputs(MultiInputModel model, DataSource source)
    {
        var values = model.Paths.Where(path => source.InputNames.Contains(path.Name)).Sum(path => path.Spec.Shape.Aggregate((product, size) => product * size));
        var rows = Spread(source.Count, Math.Min(source.IsInMemory ? SamplesInMemory : SamplesOfFiles, Math.Max(2, ValuesLookedAt / Math.Max(1, values))));
        if (TryRead(source, rows) is not { Rows.Count: > 0 } batch)
            yield break;
        foreach (var path in model.Paths.Where(path => batch.Inputs.ContainsKey(path.Name)))
        {
            var numeric = path.Spec.NumericChannels.ToArray();
            var raw = batch.Inputs[path.Name].to(ScalarType.Float32);
            if (numeric.Length == 0 || !raw.shape[1..].SequenceEqual(path.Spec.Shape))
                continue;
            var x = path.Standardization is null ? raw : path.Standardization.call(raw.to(model.Device)).cpu();
            var channels = Channels(x);
            double[] Each(Func<Tensor, Tensor> measure) => [.. numeric.Select(its => measure(channels[its.Index][channels[its.Index].isfinite()]) is var one && one.numel() == 1 ? one.item<double>() : 0)];
            var (scales, deviations) = (Each(v => v.square().mean().sqrt()), Each(v => v.std(unbiased: false)));
            string Where(IReadOnlyList<int> found) => found.Count == scales.Length ? "its values" : $"the values of {path.Spec.ChannelWord}{(found.Count > 1 ? "s" : "")} {Listed(found.Select(i => numeric[i].Name))}";
            int[] Those(Func<int, bool> which) => [.. Enumerable.Range(0, scales.Length).Where(which)];

            if (Those(i => scales[i] > LargeScale) is { Length: > 0 } large)
            {
                var seen = Channels(raw).index_select(0, tensor(large.Select(i => (long)numeric[i].Index).ToArray()));
                seen = seen[seen.isfinite()];
                yield return path.Standardization is null
                    ? Invariant($"Input '{path.Name}': {Where(large)} go from {seen.min().item<double>():G4} to {seen.max().item<double>():G4} and are not standardised, which trains badly. Describe it with .StandardizedBy(training samples), or scale it to about 0 to 1.")
                    : Invariant($"Input '{path.Name}': {Where(large)} go from {seen.min().item<double>():G4} to {seen.max().item<double>():G4}, which does not match the mean and deviation with which it is standardised.");
            }

            if (rows.Length > 1 && deviations.Any(deviation => deviation > 0) && deviations.Max() < SmallDeviation)
            {
                yield return Invariant($"Input '{path.Name}': its values {(path.Standardization is null ? "differ" : "are standardised and differ")} by {deviations.Max():G2} only, which trains badly. Describe it with .StandardizedBy(training samples).");
            }

            if (rows.Length > 1 && Those(i => deviations[i] == 0) is { Length: > 0 } constant)
                yield return Invariant($"Input '{path.Name}': {Where(constant)} are the same in all {batch.Rows.Count:N0} samples checked, and carry no information.");
        }
    }

    /// <summary>Samples that are in both the training and the validation set.</summary>
    private static IEnumerable<string> FindShared(DataSource held, IReadOnlyList<DataSource> sources)
    {
        var names = held.InputNames.Order(StringComparer.Ordinal).ToArray();
        var trained = sources.Where(source => names.All(source.InputNames.Contains)).ToArray();
        var samples = Hashes(held, names, held.IsInMemory ? SamplesInMemory : SamplesOfFiles);
        if (trained.Length == 0 || samples.Count == 0)
            yield break;
        var known = trained.SelectMany(source => Hashes(source, names, source.IsInMemory ? long.MaxValue : SamplesOfFiles)).CountBy(hash => hash).ToDictionary();
        var twins = known.Values.Where(count => count > 1).Sum() / Math.Max(1.0, known.Values.Sum());
        var shared = samples.Count(known.ContainsKey);
        if (shared > (SharedByChance + twins) * samples.Count)
            yield return Invariant($"Validation source '{held.Name}': {shared:N0} of the {samples.Count:N0} samples checked are training samples too, so that its metrics say little about new ones.");
    }

    /// <summary>A hash of each of some samples; none if they cannot be read, which the training reports when it reaches them.</summary>
    private static List<UInt128> Hashes(DataSource source, string[] names, long most)
    {
        const int AtOnce = 64;
        var hashes = new List<UInt128>();
        var rows = Spread(source.Count, most);
        for (var start = 0; start < rows.Length; start += AtOnce)
        {
            using var scope = NewDisposeScope();
            if (TryRead(source, rows[start..Math.Min(start + AtOnce, rows.Length)]) is not { } batch)
                return [];
            if (batch.Rows.Count == 0)
                continue;
            var tensors = names.Select(name => batch.Inputs[name].cpu().contiguous()).ToArray();
            var bytes = tensors.Sum(samples => samples.numel() * samples.ElementSize) / batch.Rows.Count;
            if (start == 0 && bytes * rows.Length > ComparedBytes)
                rows = Spread(source.Count, Math.Max(AtOnce, ComparedBytes / bytes));
            for (var row = 0; row < batch.Rows.Count; row++)
            {
                using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                foreach (var samples in tensors)
                {
                    var size = (int)(samples.numel() * samples.ElementSize / samples.shape[0]);
                    hash.AppendData(samples.bytes.Slice(row * size, size));
                }

                hashes.Add(BitConverter.ToUInt128(hash.GetHashAndReset()));
            }
        }

        return hashes;
    }

    private static InputBatch? TryRead(DataSource source, IReadOnlyList<long> rows)
    {
        try
        {
            return source.Read(rows);
        }
        catch (MultiInputException)
        {
            return null;
        }
    }

    /// <summary>Evenly spaced sample numbers.</summary>
    private static long[] Spread(long count, long most)
    {
        var rows = new long[Math.Min(count, most)];
        for (var i = 0; i < rows.Length; i++)
            rows[i] = (long)((Int128)i * count / rows.Length);
        return rows;
    }

    /// <summary>The values of each channel or feature, <c>(channels, values)</c>.</summary>
    private static Tensor Channels(Tensor x) => x.to(ScalarType.Float64).cpu().transpose(0, 1).flatten(1);

    private static Tensor? Labels(string task, IReadOnlyList<DataSource> sources)
    {
        var labels = sources.Select(source => source.Targets.GetValueOrDefault(task)).OfType<Tensor>().Select(target => target.cpu()).ToArray();
        return labels.Length == 0 ? null : cat(labels, 0);
    }

    /// <summary>Whether each sample has a label.</summary>
    private static Tensor Present(Tensor labels) =>
        labels.is_floating_point() ? labels.view(labels.shape[0], -1).isnan().logical_not().any(1) : labels >= 0;

    private static long[] Counts(Tensor labels, long classes) => labels[Present(labels)].bincount(null, classes).Numbers<long>();

    private static string ClassName(MultiInputModel model, string task, int number) =>
        model.Description.Task(task).Head.NamesOfClasses is { } names ? $"'{names[number]}'" : Invariant($"class {number}");

    private static string Listed(IEnumerable<string> names)
    {
        var all = names.ToArray();
        return string.Join(", ", all.Take(NamesInMessage)) + (all.Length > NamesInMessage ? Invariant($" and {all.Length - NamesInMessage:N0} more") : "");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
