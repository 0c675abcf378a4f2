using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>What a model may be called with, whatever computes its answers: which tasks run, and what is wrong with a call.</summary>
internal static class ModelCall
{
    /// <summary>Checks that inputs exist in the model.</summary>
    public static void CheckNames(ModelDescription model, IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            if (!model.Inputs.Any(input => input.Name == name))
            {
                throw new MultiInputException(
                    $"input '{name}'", ModelComponent.Input, "the model has no such input.", $"Its inputs are {Shapes.Names(model.Inputs.Select(input => input.Name))}.");
            }
        }
    }

    /// <summary>The task of a name, or the only one that reads the input of that name on its own.</summary>
    public static TaskDescription FindTask(ModelDescription model, string name)
    {
        if (model.Tasks.FirstOrDefault(task => task.Name == name) is { } found)
            return found;
        var readers = model.Tasks.Where(task => DescriptionChecks.Sources(task) is [var only] && only == name).ToArray();
        return readers is [var reader] ? reader : throw new MultiInputException(
            $"task '{name}'",
            ModelComponent.Description,
            readers.Length > 1 ? $"it is an input that {readers.Length} tasks read." : "the model has no such task.",
            $"Name one of {Shapes.Names((readers.Length > 1 ? readers : model.Tasks).Select(task => task.Name))}.");
    }

    /// <summary>The tasks to run: those that are named, or those whose inputs are all given.</summary>
    public static IReadOnlyList<TaskDescription> ChooseTasks(ModelDescription model, IReadOnlyDictionary<string, Tensor> inputs, IEnumerable<string>? tasks)
    {
        if (tasks is null)
        {
            var ready = model.Tasks.Where(task => DescriptionChecks.Sources(task).All(inputs.ContainsKey)).ToArray();
            return ready.Length > 0 ? ready : throw new MultiInputException(
                "model",
                ModelComponent.Input,
                $"no task reads {(inputs.Count == 0 ? "an empty dictionary" : Shapes.Names(inputs.Keys) + " alone")}.",
                $"Give all inputs of a task: {string.Join("; ", model.Tasks.Select(task => $"'{task.Name}' reads {Shapes.Names(DescriptionChecks.Sources(task))}"))}.");
        }

        var chosen = tasks.Distinct().Select(name => FindTask(model, name)).ToArray();
        foreach (var task in chosen)
        {
            var sources = DescriptionChecks.Sources(task);
            if (sources.FirstOrDefault(name => !inputs.ContainsKey(name)) is { } missing)
                throw new MultiInputException($"task '{task.Name}'", ModelComponent.Input, $"its input '{missing}' is missing.", $"Give {Shapes.Names(sources)}.");
        }

        return chosen;
    }

    /// <summary>Checks that a batch is a tensor.</summary>
    public static void CheckThere(string name, Tensor batch)
    {
        if (batch is null || batch.IsInvalid)
        {
            throw new MultiInputException(
                $"input '{name}'", ModelComponent.Input, $"its batch {(batch is null ? "is null" : "was disposed of")}.", "Give a tensor that exists.");
        }
    }

    /// <summary>Checks that the inputs of a task have batches of one size.</summary>
    public static void CheckJoined(string task, IReadOnlyList<string> sources, IReadOnlyDictionary<string, Tensor> inputs)
    {
        if (sources.Count == 1)
            return;
        var sizes = sources.Select(name => inputs[name].shape.FirstOrDefault()).ToArray();
        if (sizes.Any(size => size != sizes[0]))
        {
            throw new MultiInputException(
                $"task '{task}'",
                ModelComponent.Input,
                $"its inputs {Shapes.Names(sources)} have batches of {string.Join(", ", sizes)}.",
                "A task with several inputs takes them sample by sample: give batches of one size.");
        }
    }

    /// <summary>
    /// Samples as a model takes them: on its device, and in its type unless it takes any. A conversion that would change values is not made;
    /// <see cref="CheckBatch"/> refuses such samples.
    /// </summary>
    public static Tensor Take(InputSpec spec, bool takesAnyFloat, Tensor samples, Device device, ScalarType type)
    {
        var moved = samples.to(device);
        if (!moved.is_floating_point() || takesAnyFloat)
            return moved;
        if (spec.BatchType is not { } needed)
            return moved.to(type);

        // Files of numbers give floating-point ones.
        var converted = moved.to(needed);
        return converted.eq(moved).all().ToBoolean() ? converted : moved;
    }

    /// <summary>Checks a batch against its input.</summary>
    /// <param name="name">The input.</param>
    /// <param name="spec">What it is.</param>
    /// <param name="takesAnyFloat">Whether batches may have another floating-point type than the model.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="floatType">The type of the model.</param>
    /// <param name="device">The device of the model.</param>
    public static void CheckBatch(string name, InputSpec spec, bool takesAnyFloat, Tensor batch, ScalarType floatType, Device device)
    {
        var subject = $"input '{name}'";
        var shape = Shapes.Of(batch);
        if (!FitsAfterFirst(shape, spec.Shape))
        {
            throw new MultiInputException(
                subject,
                ModelComponent.Input,
                $"the batch has shape {Shapes.Text(shape)} but the input is declared as (batch, {string.Join(", ", spec.Shape)}).",
                shape.AsSpan().SequenceEqual([.. spec.Shape]) ? "Add the batch dimension with .unsqueeze(0)." : "Give that shape, or declare this one.");
        }

        if (shape[0] == 0)
            throw new MultiInputException(subject, ModelComponent.Input, $"the batch {Shapes.Text(shape)} is empty.", "Give at least one sample.");
        var needed = spec.BatchType ?? floatType;
        if (batch.dtype != needed && !(takesAnyFloat && batch.is_floating_point()))
        {
            throw new MultiInputException(
                subject, ModelComponent.Input, $"the batch is of type {batch.dtype}, but {needed} is needed.", $"Convert it with .to(ScalarType.{(takesAnyFloat && batch.dtype is ScalarType.Int32 or ScalarType.Int64 ? ScalarType.Float64 : needed)}).");
        }

        if (batch.device_type != device.type || batch.device_index != device.index)
        {
            throw new MultiInputException(
                subject, ModelComponent.Input, $"the batch is on {batch.device}, but the model is on {device}.", "Move one of them: .to(model.Device).");
        }

        if (device.type == DeviceType.CPU)
            DescriptionChecks.Throw(subject, ModelComponent.Input, spec.FindMistake(batch));
    }

    /// <summary>
    /// Refuses samples that are not finite, for which layers would give answers that are not: ReLU and max pooling in fused kernels make
    /// numbers of NaN. Tables with named columns, in which NaN is a missing value, and inputs of the user's own modules may hold it.
    /// </summary>
    public static void CheckFinite(ModelDescription model, TaskDescription task, IReadOnlyDictionary<string, Tensor> batches)
    {
        foreach (var name in DescriptionChecks.Sources(task))
        {
            var (input, batch) = (model.Inputs.First(input => input.Name == name), batches[name]);
            if (input.Spec.TableColumns is null && input.Projection is not ICustomSpec && batch.is_floating_point() && !IsFinite(batch))
                throw Answers.NotFinite(task.Name, Enumerable.Range(0, (int)batch.shape[0]).First(sample => !IsFinite(batch[sample])));
        }
    }

    /// <summary>Runs a large batch in pieces.</summary>
    /// <param name="inputs">The batches. They are cut if all have one size.</param>
    /// <param name="size">The size of a piece.</param>
    /// <param name="run">Answers for a piece.</param>
    /// <returns>The answers for all.</returns>
    public static IReadOnlyDictionary<string, IReadOnlyList<Prediction>> InPieces(
        IReadOnlyDictionary<string, Tensor> inputs,
        int size,
        Func<IReadOnlyDictionary<string, Tensor>, IReadOnlyDictionary<string, IReadOnlyList<Prediction>>> run)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var count = -1L;
        foreach (var batch in inputs.Values)
        {
            var its = batch is { IsInvalid: false } && batch.dim() > 0 ? batch.size(0) : 0;
            if (count >= 0 && its != count)
                return run(inputs);
            count = its;
        }

        if (count <= size)
            return run(inputs);
        using var scope = NewDisposeScope();
        var answers = new Dictionary<string, List<Prediction>>();
        for (var start = 0L; start < count; start += size)
        {
            var length = Math.Min(size, count - start);
            foreach (var (task, given) in run(inputs.ToDictionary(input => input.Key, input => input.Value.narrow(0, start, length))))
            {
                if (!answers.TryGetValue(task, out var all))
                    answers.Add(task, all = []);
                all.AddRange(given);
            }
        }

        return answers.ToDictionary(task => task.Key, IReadOnlyList<Prediction> (task) => task.Value);
    }

    private static bool FitsAfterFirst(long[] shape, IReadOnlyList<long> declared)
    {
        if (shape.Length != declared.Count + 1)
            return false;
        for (var i = 0; i < declared.Count; i++)
        {
            if (shape[i + 1] != declared[i])
                return false;
        }

        return true;
    }

    private static bool IsFinite(Tensor batch)
    {
        using var scope = NewDisposeScope();
        if (batch.dtype != ScalarType.Float32 || !batch.is_contiguous())
            return batch.isfinite().all().ToBoolean();

        // For one sample, calls of libtorch would take longer.
        var numbers = MemoryMarshal.Cast<byte, float>(batch.bytes);
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(numbers);
        var sum = Vector<float>.Zero;
        foreach (var vector in vectors)
            sum += vector - vector; // NaN unless all are finite
        var isFinite = Vector.Sum(sum) == 0;
        foreach (var number in numbers[(vectors.Length * Vector<float>.Count)..])
            isFinite &= float.IsFinite(number);
        return isFinite;
    }
}
