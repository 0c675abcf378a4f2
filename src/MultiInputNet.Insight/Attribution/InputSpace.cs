using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>
/// The samples of one input as points with which a model can compute: the samples themselves, or, where they hold the numbers of tokens or
/// categories, what the projection computes with after it has looked those up.
/// </summary>
internal sealed class InputSpace
{
    private readonly ScalarType type;
    private readonly int thread = Environment.CurrentManagedThreadId;

    // The dimension of points along which elements lie, the element of each place there, and the places that are the element's own number.
    private readonly int dimension;
    private readonly long[]? elements;
    private readonly bool[] numbers = [];
    private Func<Tensor, Tensor>? replace;

    /// <summary>Hooks the layer at which points enter, where they are not the samples.</summary>
    /// <param name="path">The input's path.</param>
    /// <param name="type">The type of the model's weights.</param>
    /// <param name="scope">Removes the hook.</param>
    /// <exception cref="MultiInputException">The layer cannot be found.</exception>
    public InputSpace(InputPath path, ScalarType type, Undisturbed scope)
    {
        Path = path;
        this.type = type;
        if (path.Projection is IEmbedsInput { AfterEmbedding: { } layer } embedding)
        {
            dimension = -1;
            elements = [.. embedding.Places.Select(place => (long)place.Element)];
            numbers = [.. embedding.Places.Select(place => place.IsNumber)];
            scope.AtItsEnd(layer.register_forward_pre_hook((_, x) => Replace(x)).remove);
        }
        else if (path.Spec.BatchType is not null)
        {
            // A projection of the user's own: embeddings are (batch, elements, width).
            dimension = 1;
            elements = [.. Enumerable.Range(0, (int)path.Spec.Shape[0]).Select(element => (long)element)];
            numbers = new bool[elements.Length];
            var found = path.Projection.modules().Prepend(path.Projection).OfType<Embedding>().Distinct().ToArray();
            if (found is not [var only])
            {
                throw new MultiInputException(
                    $"input '{path.Name}'",
                    ModelComponent.Projection,
                    $"its {path.Spec.Kind} are no numbers to compute with, and its projection has {found.Length} embeddings (torch.nn.Embedding) for them.",
                    "Write a projection that looks them up in one.");
            }

            scope.AtItsEnd(only.register_forward_hook((_, _, x) => Replace(x)).remove);
        }
    }

    /// <summary>The input's path.</summary>
    public InputPath Path { get; }

    /// <summary>Whether points are something other than samples.</summary>
    public bool IsEmbedded => elements is not null;

    /// <summary>The points of samples.</summary>
    /// <param name="batch">The samples, as the model takes them.</param>
    /// <returns>A new tensor without a gradient, <c>(batch, ...)</c>.</returns>
    public Tensor Lift(Tensor batch)
    {
        using var noGrad = no_grad();
        if (!IsEmbedded)
            return batch.detach().clone();
        Tensor? point = null;
        using var scope = NewDisposeScope();
        Run(batch, x =>
        {
            point = x.detach().clone().GiveTo(scope);
            return x;
        });
        return (point ?? throw NotReached()).MoveToOuterDisposeScope();
    }

    /// <summary>The points of a baseline that nobody named: the input's mean, or the value for what is missing, or zeros.</summary>
    /// <param name="point">A point.</param>
    /// <returns>A point of the same type, <c>(1, ...)</c>.</returns>
    public Tensor DefaultBaseline(Tensor point)
    {
        using var scope = NewDisposeScope();
        var spec = Path.Spec;
        if (spec.BatchType is not null)
            return zeros_like(point.narrow(0, 0, 1)).MoveToOuterDisposeScope();
        return Lift(Middle(point.device, IsEmbedded ? ScalarType.Float64 : point.dtype)).MoveToOuterDisposeScope();
    }

    /// <summary>The sample that is the input's mean, or the value for what is missing, or zeros.</summary>
    /// <param name="batch">Samples that are numbers.</param>
    /// <returns>A sample of the same type, <c>(1, ...)</c>.</returns>
    public Tensor DefaultSample(Tensor batch) => Middle(batch.device, batch.dtype);

    private Tensor Middle(Device device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var spec = Path.Spec;
        var values = spec.Mean ?? (spec is TabularInput { Columns: { } columns } ? [.. columns.Select(column => (column as NumericColumn)?.Fill ?? 0)] : null);
        var samples = values is null
            ? zeros([1, .. spec.Shape], dtype, device)
            : tensor(values.ToArray(), dtype, device).view([1, -1, .. Enumerable.Repeat(1L, spec.Shape.Count - 1)]).expand([1, .. spec.Shape]);
        return samples.MoveToOuterDisposeScope();
    }

    /// <summary>Runs the input through its projection and base.</summary>
    /// <param name="model">The model.</param>
    /// <param name="point">Points.</param>
    public FeatureSet Features(MultiInputModel model, Tensor point)
    {
        if (!IsEmbedded)
            return Execute(model, point);
        replace = _ => point;
        try
        {
            using var placeholder = zeros([point.shape[0], .. Path.Spec.Shape], Path.Spec.BatchType ?? type, point.device);
            return Execute(model, placeholder);
        }
        finally
        {
            replace = null;
        }
    }

    /// <summary>Runs samples through the projection and the base.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batch">The samples.</param>
    public FeatureSet FeaturesOf(MultiInputModel model, Tensor batch) => Execute(model, batch);

    /// <summary>Runs samples through the projection and the base, and makes what they are looked up as differentiable.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batch">The samples, which may need a gradient.</param>
    /// <param name="owner">Owns the points.</param>
    /// <returns>The features; and the points, where they are not the samples.</returns>
    public (FeatureSet Features, Tensor? Point) FeaturesOf(MultiInputModel model, Tensor batch, DisposeScope owner)
    {
        if (!IsEmbedded)
            return (Execute(model, batch), null);
        Tensor? point = null;
        replace = x =>
        {
            // Its own copy, which nothing after it changes in place.
            point = (x.requires_grad ? x.alias() : x.detach().clone().requires_grad_()).GiveTo(owner);
            return point.clone();
        };
        try
        {
            var features = Execute(model, batch);
            return (features, point ?? throw NotReached());
        }
        finally
        {
            replace = null;
        }
    }

    /// <summary>Sums values at points by the elements of a sample.</summary>
    /// <param name="values">Values, shaped as points.</param>
    /// <param name="withNumbers">Whether the places that are the element's own number count.</param>
    /// <returns>A value for each element, <c>(batch, ...)</c> with the shape of a sample.</returns>
    public Tensor PerElement(Tensor values, bool withNumbers = true)
    {
        if (elements is null)
            return values;
        using var scope = NewDisposeScope();
        var x = dimension < 0 ? values : values.movedim([dimension], [-1]);
        if (x.dim() > 2)
            x = x.flatten(1, -2).sum(1);
        if (!withNumbers)
            x = x * tensor(numbers, device: x.device).logical_not();
        var result = zeros([x.shape[0], .. Path.Spec.Shape], x.dtype, x.device);
        return result.index_add(1, tensor(elements, device: x.device), x, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Elements of samples that are chosen, as places of points.</summary>
    /// <param name="mask">Which elements, <c>(...)</c> of type Bool with the shape of a sample.</param>
    /// <param name="point">A point.</param>
    /// <returns>Which places, to be broadcast with points.</returns>
    public Tensor AtPlaces(Tensor mask, Tensor point)
    {
        if (elements is null)
            return mask.unsqueeze(0);
        using var scope = NewDisposeScope();
        var shape = Enumerable.Repeat(1L, (int)point.dim()).ToArray();
        shape[dimension < 0 ? ^1 : dimension] = -1;
        return mask.index_select(0, tensor(elements, device: mask.device)).view(shape).MoveToOuterDisposeScope();
    }

    private void Run(Tensor batch, Func<Tensor, Tensor> at)
    {
        replace = at;
        try
        {
            Path.Projection.call(Path.Standardize(batch, type));
        }
        finally
        {
            replace = null;
        }
    }

    private FeatureSet Execute(MultiInputModel model, Tensor batch)
    {
        var run = new ModelRun(model.Built.Groups, [(Path.Name, batch)], [], batch.device, type, merges: false);
        run.Execute();
        return run.Features[Path.Name];
    }

    // Other threads may run the model, too.
    private Tensor Replace(Tensor x) => Environment.CurrentManagedThreadId == thread ? replace?.Invoke(x) ?? x : x;

    private MultiInputException NotReached() => new(
        $"input '{Path.Name}'", ModelComponent.Projection, "its projection did not call the layer that takes its embeddings.", "Call layers with .call, not .forward.");
}
