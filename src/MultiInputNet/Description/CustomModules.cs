using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Gives a description that was read from JSON the factories of the user's own modules again.</summary>
internal static class CustomModules
{
    public static ModelDescription Attach(ModelDescription description, IReadOnlyDictionary<string, Delegate> factories)
    {
        var inputs = description.Inputs.Select(input => input.Projection is CustomProjectionSpec custom
            ? input with { Projection = custom with { Factory = Find<Func<InputSpec, int, nn.Module<Tensor, Tensor>>>(custom) } }
            : input);
        var bases = description.Bases.Select(b => b.Spec is CustomBaseSpec custom
            ? b with { Spec = custom with { Factory = Find<Func<nn.Module<Tensor, Tensor>>>(custom) } }
            : b);
        var tasks = description.Tasks.Select(task => task with
        {
            Head = task.Head is CustomHeadSpec custom ? custom with { Factory = Find<Func<int, nn.Module<Tensor, Tensor>>>(custom) } : task.Head,
            Fusion = AttachFusion(task.Fusion),
        });
        return new ModelDescription([.. inputs], [.. bases], [.. tasks], AttachFusion(description.Fusion));

        FusionSpec? AttachFusion(FusionSpec? fusion)
        {
            if (fusion is not CustomFusionSpec custom)
                return fusion;
            return factories.GetValueOrDefault(custom.Name) is Func<MapShape, nn.Module<Tensor, Tensor>> single
                ? Fusions.From(custom.Name, single)
                : custom with { Factory = Find<Func<IReadOnlyList<MapShape>, nn.Module<IReadOnlyList<Tensor>, Tensor>>>(custom) };
        }

        TFactory? Find<TFactory>(ICustomSpec spec)
            where TFactory : Delegate => factories.GetValueOrDefault(spec.Name) switch
            {
                null => null,
                TFactory factory => factory,
                var other => throw new ArgumentException(
                    $"The factory given for '{spec.Name}' is a {other.GetType().Name} of another form than the one it was described with."),
            };
    }
}
