using System.Text;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Images;
using static TorchSharp.torch;

/// <summary>Opens samples to be predicted as a source for the input of a model that takes them.</summary>
internal static class NewSamples
{
    private static readonly string[] tables = [".csv", ".tsv", ".txt", ".data", ""];

    /// <exception cref="MultiInputException">The samples cannot be read, or do not fit the input or just one.</exception>
    public static DataSource Open(ModelDescription model, PredictionSettings settings)
    {
        var path = settings.Path;
        var name = Path.GetFileName(path).ToLowerInvariant();
        var extension = Path.GetExtension(name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^3] : name);
        if (Directory.Exists(path))
            return Images("a folder of images", (input, spec) => ImageFolderSource.Unlabelled(input, path, spec, OnBroken.Skip));
        if (name.Contains("-idx", StringComparison.Ordinal) || extension == ".idx")
        {
            var images = IdxFile.ReadSource("images", path).Inputs.Values.Single();
            return Array(images.shape, input => new TensorSource(input, images));
        }

        if (extension == ".npy")
        {
            using var scope = NewDisposeScope();
            using var array = new NumpySource("array", path);
            return Array(array.Read([0]).Inputs.Values.Single().shape, input => new NumpySource(input, path));
        }

        if (!tables.Contains(extension))
            return Images("an image", (input, spec) => ImageFolderSource.FromFiles(input, [path], spec));
        var table = Find("a table with named columns", spec => spec is TabularInput { Columns: not null });
        return CsvSource.Unlabelled(table.Name, Separated(table), path, Format(table.Name), OnBroken.Skip);

        DataSource Images(string what, Func<string, ImageInput, DataSource> open)
        {
            var found = Find(what, spec => spec is ImageInput);
            return open(found.Name, (ImageInput)found.Spec);
        }

        DataSource Array(long[] shape, Func<string, DataSource> open) =>
            open(Find($"samples of shape ({string.Join(", ", shape[1..])})", spec => spec.Shape.SequenceEqual(shape[1..])).Name);

        InputDescription Find(string what, Func<InputSpec, bool> takes)
        {
            var fitting = model.Inputs.Where(input => takes(input.Spec) && (settings.Input ?? input.Name) == input.Name).ToArray();
            if (fitting is [var only])
                return only;
            var inputs = string.Join(", ", model.Inputs.Select(input => $"{input.Name} ({input.Spec.Kind} {string.Join('×', input.Spec.Shape)})"));
            throw fitting is []
                ? new MultiInputException($"file '{path}'", ModelComponent.Input, $"it holds {what}, which {(settings.Input is null ? "no input of the model takes" : $"is not for input '{settings.Input}'")}.", $"The inputs are {inputs}.")
                : new MultiInputException($"file '{path}'", ModelComponent.Input, $"several inputs of the model take {what}.", $"Name one: --predict {fitting[0].Name}={path}. The inputs are {inputs}.");
        }

        TabularInput Separated(InputDescription table)
        {
            var spec = (TabularInput)table.Spec;
            return spec with
            {
                DecimalSeparator = settings.DecimalSeparators.Of(table.Name, spec.DecimalSeparator),
                ThousandsSeparator = settings.ThousandsSeparators.Of(table.Name, spec.ThousandsSeparator),
            };
        }

        CsvFormat Format(string input) => new()
        {
            Delimiter = settings.Delimiters.Of(input, ','),
            Encoding = settings.Encodings.Of(input, Encoding.UTF8),
        };
    }
}
