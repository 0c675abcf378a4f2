using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Provides a description that was read from JSON with the factories of the user's own modules.</summary>
internal static class CustomModules
{
    public static ModelDescription Attach(ModelDescription description, IReadOnlyDictionary<string, Delegate> factories)
    {
        var inputs = description.Inputs.Select(input => input.Projection is CustomProjectionSpec custom
            ? new() { Name = input.Name, Spec = input.Spec, Projection = custom with { Factory = Find<Func<InputSpec, int, nn.Module<Tensor, Tensor>>>(custom) } }
            : input);
        var bases = description.Bases.Select(b => b.Spec is CustomBaseSpec custom
            ? b.With(custom with { Factory = Find<Func<nn.Module<Tensor, Tensor>>>(custom) })
            : b);
        var tasks = description.Tasks.Select(task => new TaskDescription
        {
            Name = task.Name,
            Head = task.Head is CustomHeadSpec custom ? custom with { Factory = Find<Func<int, nn.Module<Tensor, Tensor>>>(custom) } : task.Head,
            From = task.From,
            Fusion = AttachFusion(task.Fusion),
        });
        return new ModelDescription([.. inputs], [.. bases], [.. tasks], AttachFusion(description.Fusion), description.SharesFusion);

        FusionSpec? AttachFusion(FusionSpec? fusion) =>
            fusion is CustomFusionSpec custom ? custom with { Factory = Find<Delegate>(custom, CustomFusionSpec.IsFactory) } : fusion;

        TFactory? Find<TFactory>(ICustomSpec spec, Func<TFactory, bool>? fits = null)
            where TFactory : Delegate => factories.GetValueOrDefault(spec.Name) switch
            {
                null => null,
                TFactory factory when fits?.Invoke(factory) != false => factory,
                var other => throw new ArgumentException(
                    $"The factory given for '{spec.Name}' is a {other.GetType().Name}, unlike the one with which it was described."),
            };
    }
}
