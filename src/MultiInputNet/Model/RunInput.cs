using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>One input of a run: its batch, and what of it enters its base.</summary>
internal sealed class RunInput(InputPath path, Tensor batch)
{
    /// <summary>Its way through the model.</summary>
    public InputPath Path => path;

    /// <summary>Its batch, as it was given.</summary>
    public Tensor Batch => batch;

    /// <summary>Whether something of its own stands for the base's first convolution, so that it enters the base after that one.</summary>
    public bool EntersAfterFirst => path.Projection is Stem || path.Folded is not null;

    /// <summary>Once projected: the map that enters the base at its beginning; null where nothing needs it.</summary>
    public Tensor? Map { get; private set; }

    /// <summary>Once projected: what stands for the result of the base's first convolution; null where the convolution is to make it of the map.</summary>
    public Tensor? First { get; private set; }

    /// <summary>Runs what is the input's own ahead of the base.</summary>
    /// <param name="type">The type of the weights.</param>
    public void Project(ScalarType type)
    {
        using var run = new BaseRun(path.Name, path.Own?.ByLayer);
        var x = path.Standardize(batch, type);
        if (path.Folded is { IsWatched: true } watched)
        {
            (Map, var isProjected) = watched.Project(x, run);
            First = isProjected ? watched.Convolve(x) : null;
        }
        else if (path.Folded is not null)
            First = path.Folded.Run(x);
        else if (path.Projection is Stem)
            First = ChannelsLast.Of(path.Projection.call(x));
        else
            Map = ChannelsLast.Of(path.Projection.call(x));
    }
}
