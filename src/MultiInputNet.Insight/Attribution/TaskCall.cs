using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>A task with the samples for which it is explained.</summary>
internal sealed class TaskCall
{
    private readonly MultiInputModel model;

    /// <summary>Checks the samples as the model would, and takes them to its device.</summary>
    /// <param name="model">The model.</param>
    /// <param name="task">The task's name, or that of an input that one task alone reads on its own.</param>
    /// <param name="inputs">The samples by input; those that the task does not read are left out.</param>
    /// <param name="scope">The scope of the call.</param>
    /// <exception cref="MultiInputException">A name or a batch does not fit, or an input is missing.</exception>
    public TaskCall(MultiInputModel model, string task, IReadOnlyDictionary<string, Tensor> inputs, Undisturbed scope)
    {
        (this.model, Scope) = (model, scope);
        ModelCall.CheckNames(model.Description, inputs.Keys);
        Route = model.FindRoute(task);
        if (Route.Inputs.FirstOrDefault(name => !inputs.ContainsKey(name)) is { } missing)
        {
            throw new MultiInputException(
                $"task '{Route.Task}'", ModelComponent.Input, $"its input '{missing}' is missing.", $"Give {Shapes.Names(Route.Inputs)}.");
        }

        foreach (var name in Route.Inputs)
            ModelCall.CheckThere(name, inputs[name]);
        ModelCall.CheckJoined(Route.Task, Route.Inputs, inputs);
        Spaces = [.. Route.Inputs.Select(name => new InputSpace(PathOf(model, name), TypeOf(model), scope))];
        Batches = [.. Spaces.Select(space => Take(model, space.Path, inputs[space.Path.Name]))];
    }

    /// <summary>The scope of the call.</summary>
    public Undisturbed Scope { get; }

    /// <summary>The task's route.</summary>
    public Route Route { get; }

    /// <summary>Its inputs, in their order.</summary>
    public IReadOnlyList<InputSpace> Spaces { get; }

    /// <summary>The samples of each, on the model's device.</summary>
    public IReadOnlyList<Tensor> Batches { get; }

    /// <summary>The number of samples.</summary>
    public long Count => Batches[0].shape[0];

    /// <summary>Checks that a task given with one tensor reads one input.</summary>
    /// <returns>That input.</returns>
    public static string OnlyInput(MultiInputModel model, string task)
    {
        var route = model.FindRoute(task);
        return route.Inputs is [var only] ? only : throw new MultiInputException(
            $"task '{route.Task}'", ModelComponent.Input, $"it reads {Shapes.Names(route.Inputs)}, but a single tensor was given.", "Give a dictionary of its inputs.");
    }

    /// <summary>The path of an input.</summary>
    public static InputPath PathOf(MultiInputModel model, string input) => model.Paths.First(path => path.Name == input);

    /// <summary>The type of a model's weights.</summary>
    public static ScalarType TypeOf(MultiInputModel model) => model.parameters().FirstOrDefault()?.dtype ?? ScalarType.Float32;

    /// <summary>Samples on the model's device, checked.</summary>
    public static Tensor Take(MultiInputModel model, InputPath path, Tensor samples)
    {
        ModelCall.CheckThere(path.Name, samples);
        using var noGrad = no_grad();
        var (device, type) = (model.Device, TypeOf(model));
        var batch = path.Take(samples.detach(), device, type);
        ModelCall.CheckBatch(path.Name, path.Spec, path.TakesAnyFloat, batch, type, device);
        return batch;
    }

    /// <summary>The task's outputs at points.</summary>
    /// <param name="points">A batch of points for each input.</param>
    /// <returns><c>(batch, outputs)</c>.</returns>
    public Tensor Run(IReadOnlyList<Tensor> points) => Finish([.. Spaces.Zip(points, (space, point) => space.Features(model, point))]);

    /// <summary>The task's outputs for features.</summary>
    /// <param name="features">The features of each input.</param>
    /// <returns><c>(batch, outputs)</c>.</returns>
    public Tensor Finish(IReadOnlyList<FeatureSet> features)
    {
        var output = Route.Run(Route.Inputs.Zip(features).ToDictionary(pair => pair.First, pair => pair.Second));
        return output.reshape(output.shape[0], -1);
    }

    /// <summary>The points of baselines.</summary>
    /// <param name="points">The points of samples.</param>
    /// <param name="baselines">The baselines that were given, samples of each input; those of other inputs are the default.</param>
    /// <param name="piece">Which of the samples they are.</param>
    /// <returns>For each input, one for all samples or one for each.</returns>
    public IReadOnlyList<Tensor> Baselines(IReadOnlyList<Tensor> points, IReadOnlyDictionary<string, Tensor>? baselines, Piece piece)
    {
        if (baselines?.Keys.FirstOrDefault(name => !Route.Inputs.Contains(name)) is { } unknown)
        {
            throw new MultiInputException(
                $"baseline of '{unknown}'", ModelComponent.Input, $"task '{Route.Task}' does not read it.", $"Give baselines of {Shapes.Names(Route.Inputs)}.");
        }

        return [.. Spaces.Zip(points, (space, point) => baselines?.TryGetValue(space.Path.Name, out var given) == true
            ? Baseline(space, given, point, piece)
            : space.DefaultBaseline(point))];
    }

    /// <summary>The output that is explained for each sample.</summary>
    /// <param name="output">The task's outputs, <c>(batch, outputs)</c>.</param>
    /// <param name="target">The output that was named; null for that of the predicted class.</param>
    /// <returns>Their numbers, <c>(batch, 1)</c>.</returns>
    /// <exception cref="ArgumentException">There is no such output, or it is not clear which one is meant.</exception>
    public Tensor Targets(Tensor output, long? target)
    {
        var (count, outputs) = (output.shape[0], output.shape[1]);
        CheckFinite(output);
        if (target is { } named)
        {
            return named >= 0 && named < outputs
                ? full([count, 1], named, ScalarType.Int64, output.device)
                : throw new ArgumentOutOfRangeException(
                    nameof(target), named, string.Create(CultureInfo.InvariantCulture, $"Task '{Route.Task}' has {outputs} outputs; give a number from 0 to {outputs - 1}."));
        }

        return Default(Route, output) ?? throw new ArgumentException(
            string.Create(CultureInfo.InvariantCulture, $"Task '{Route.Task}' has {outputs} outputs, of which none is the predicted class; give the number of one."), nameof(target));
    }

    /// <summary>The output that is explained for each sample if none is named.</summary>
    /// <param name="route">The task.</param>
    /// <param name="output">Its outputs, <c>(batch, outputs)</c>.</param>
    /// <returns>Their numbers, <c>(batch, 1)</c>; null if the task has several outputs, and a sample none that is its answer.</returns>
    public static Tensor? Default(Route route, Tensor output)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (count, outputs) = (output.shape[0], output.shape[1]);
        var head = route.Head as TaskHead;
        var kind = head?.PredictionKind ?? PredictionKind.Values;
        if (kind == PredictionKind.Labels)
            return output.argmax(1, keepdim: true).MoveToOuterDisposeScope();
        if (kind == PredictionKind.Class && head!.Answer(output) is { } answer && answer.shape.AsSpan().SequenceEqual([count, outputs]))
            return answer.argmax(1, keepdim: true).MoveToOuterDisposeScope();
        return outputs == 1 ? zeros([count, 1], ScalarType.Int64, output.device).MoveToOuterDisposeScope() : null;
    }

    /// <summary>The gradients of outputs of all samples.</summary>
    /// <param name="output">The task's outputs, <c>(batch, outputs)</c>.</param>
    /// <param name="targets">The one that counts for each sample, <c>(batch, 1)</c>.</param>
    /// <param name="at">Where the gradients are taken.</param>
    /// <returns>A gradient for each, zeros where the outputs do not depend on it.</returns>
    /// <exception cref="MultiInputException">A module of the model hides its input from the gradient.</exception>
    public IReadOnlyList<Tensor> Gradients(Tensor output, Tensor targets, IReadOnlyList<Tensor> at)
    {
        if (!output.requires_grad)
        {
            throw new MultiInputException(
                $"task '{Route.Task}'",
                ModelComponent.Head,
                "its output has no gradient.",
                "Look for no_grad, detach or .item in modules of your own; occlusion needs no gradient.");
        }

        using var scope = NewDisposeScope();

        // An input that the output does not depend on has a gradient, too: zeros.
        var sum = output.gather(1, targets).sum();
        foreach (var tensor in at)
            sum = sum + (tensor.flatten().narrow(0, 0, 1).nan_to_num(0, 0, 0) * 0).sum().to(sum.dtype);
        return [.. autograd.grad([sum], [.. at]).Select(gradient => gradient.MoveToOuterDisposeScope())];
    }

    private Tensor Baseline(InputSpace space, Tensor given, Tensor point, Piece piece)
    {
        var name = space.Path.Name;
        ModelCall.CheckThere(name, given);
        var shape = given.shape;
        var sample = space.Path.Spec.Shape;
        var isSample = shape.AsSpan().SequenceEqual([.. sample]);
        if (!isSample && !(shape.Length == sample.Count + 1 && shape.AsSpan(1).SequenceEqual([.. sample]) && (shape[0] == 1 || shape[0] == Count)))
        {
            throw new MultiInputException(
                $"baseline of '{name}'",
                ModelComponent.Input,
                $"its shape is {Shapes.Text(shape)}.",
                $"Give one sample, {Shapes.Text(sample)}, or one for each of the {Count.ToString(CultureInfo.InvariantCulture)} samples.");
        }

        using var scope = NewDisposeScope();
        var batch = Take(model, space.Path, isSample ? given.unsqueeze(0) : piece.OfOrOne(given));
        return space.Lift(batch).to(point.dtype).MoveToOuterDisposeScope();
    }

    private void CheckFinite(Tensor output)
    {
        if ((Route.Head as TaskHead)?.MayGiveInfinity != false)
            return;
        using var scope = NewDisposeScope();
        var wrong = output.isfinite().all(1).logical_not().nonzero();
        if (wrong.shape[0] > 0)
            throw Answers.NotFinite(Route.Task, (int)wrong[0, 0].ToInt64());
    }
}
