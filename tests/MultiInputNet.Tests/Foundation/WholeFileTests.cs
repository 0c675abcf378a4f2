using System.Diagnostics;
using System.Runtime.Versioning;
using MultiInputNet.Data;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

/// <summary>All that the library writes under a name that the user gives.</summary>
public sealed class WholeFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    /// <summary>Each writer by its name, since a theory's data should be text.</summary>
    private static readonly Dictionary<string, Action<string>> writers = new()
    {
        ["model"] = path => Model().Save(path),
        ["weights"] = path => WeightFile.Write(path, new Dictionary<string, Tensor> { ["a"] = ones(3) }),
        ["numpy"] = path => NumpyFile.Write(path, ones(3)),
        ["history"] = path => History("digit").SaveCsv(path),
    };

    public static TheoryData<string> Writers => [.. writers.Keys];

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Writers))]
    public void A_symbolic_link_stays_one_and_its_target_is_written(string writer)
    {
        Directory.CreateDirectory(folder["versions"]);
        var target = folder.Write("versions/1", "old");
        File.CreateSymbolicLink(folder["current"], "versions/1");
        File.CreateSymbolicLink(folder["latest"], folder["current"]);

        writers[writer](folder["latest"]);

        new FileInfo(folder["latest"]).LinkTarget.Should().Be(folder["current"]);
        new FileInfo(folder["current"]).LinkTarget.Should().Be("versions/1");
        writers[writer](folder["plain"]);
        new FileInfo(target).Length.Should().Be(new FileInfo(folder["plain"]).Length);
        Directory.GetFileSystemEntries(folder["versions"]).Should().Equal(target);
    }

    [Theory]
    [MemberData(nameof(Writers))]
    public void A_link_to_nothing_creates_its_target(string writer)
    {
        File.CreateSymbolicLink(folder["link"], "target");

        writers[writer](folder["link"]);

        File.Exists(folder["target"]).Should().BeTrue();
        new FileInfo(folder["link"]).LinkTarget.Should().Be("target");
    }

    [Theory]
    [MemberData(nameof(Writers))]
    [UnsupportedOSPlatform("windows")]
    public void A_replaced_file_passes_on_its_permissions_and_owner(string writer)
    {
        var path = folder.Write("secret", "old");
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherWrite;
        File.SetUnixFileMode(path, Mode);
        if (Environment.IsPrivilegedProcess)
            Shell("chown", "1234:2345", path);

        writers[writer](path);

        File.GetUnixFileMode(path).Should().Be(Mode);
        if (Environment.IsPrivilegedProcess)
            Shell("stat", "-c", "%u:%g", path).Should().Be("1234:2345\n");
        File.ReadAllText(path).Should().NotBe("old");
    }

    [Theory]
    [MemberData(nameof(Writers))]
    public void A_place_that_cannot_be_written_to_is_named(string writer)
    {
        var file = folder.Write("file", "old");
        Directory.CreateDirectory(folder["folder"]);
        File.CreateSymbolicLink(folder["to_folder"], "folder");
        File.CreateSymbolicLink(folder["loop"], "loop");
        Shell("mkfifo", folder["pipe"]);
        foreach (var (path, problem) in new[]
        {
            (folder["folder"], "it is a folder"),
            (folder["to_folder"], "it is a folder"),
            (folder["missing/model"], $"there is no folder '{folder["missing"]}'"),
            (file + "/model", $"'{file}' is a file, not a folder"),
            (folder["loop"], "cannot be written"),
            (folder["pipe"], "it is a device, a pipe or a socket"),
            (folder[new string('n', 300)], "cannot be written"),
            ("/proc/model", "cannot be written"),
        })
        {
            var refused = writers[writer].Invoking(write => write(path)).Should().Throw<MultiInputException>().Which;

            refused.Component.Should().Be(ModelComponent.File);
            refused.Message.Should().Contain($"'{path}'").And.Contain(problem);
        }

        Directory.EnumerateFileSystemEntries(folder["."]).Should().HaveCount(5);
        Directory.EnumerateFileSystemEntries(folder["folder"]).Should().BeEmpty();
        File.ReadAllText(file).Should().Be("old");
    }

    [Fact]
    public void What_was_disposed_of_replaces_no_file()
    {
        var path = folder.Write("good", "good");
        var model = Model();
        using var module = nn.Linear(2, 2);
        var weights = module.state_dict();
        var tensor = ones(3);
        model.Dispose();
        module.Dispose();
        tensor.Dispose();

        model.Invoking(m => m.Save(path)).Should().Throw<ObjectDisposedException>();
        Refused(module.state_dict());
        Refused(weights);
        Refused(new Dictionary<string, Tensor> { ["kept"] = ones(2), ["gone"] = tensor }).Message.Should().Contain("tensor 'gone'");
        Refused(new Dictionary<string, Tensor> { ["none"] = null! }).Message.Should().Contain("tensor 'none'");
        tensor.Invoking(t => NumpyFile.Write(path, t)).Should().Throw<ObjectDisposedException>();

        File.ReadAllText(path).Should().Be("good");

        MultiInputException Refused(Dictionary<string, Tensor> tensors) =>
            tensors.Invoking(t => WeightFile.Write(path, t)).Should().Throw<MultiInputException>().Which;
    }

    [Theory]
    [InlineData("a,b")]
    [InlineData("say \"so\"")]
    [InlineData("two\nlines")]
    [InlineData("two\r\nlines, \"quoted\"")]
    [InlineData(" spaces ")]
    public void Names_survive_the_history_of_a_training(string name)
    {
        var path = folder["history.csv"];
        History(name).SaveCsv(path);

        string[] header = ["epoch", "phase", "step", "learning_rate", $"loss.{name}", $"epochs.{name}", $"validation.{name}.loss", $"validation.{name}.{name}"];
        var rows = CsvRows(File.ReadAllText(path));
        rows[0].Should().Equal(header);
        rows[1].Should().Equal("1", "1", "5", "0.1", "0.5", "2", "0.25", "0.75");
        rows.Should().HaveCount(2);
    }

    /// <summary>RFC 4180, by its grammar.</summary>
    private static List<List<string>> CsvRows(string text)
    {
        var rows = new List<List<string>>();
        var cells = new List<string>();
        for (var at = 0; at < text.Length;)
        {
            var cell = "";
            if (text[at] == '"')
            {
                for (at++; text[at] != '"' || text.ElementAtOrDefault(at + 1) == '"'; at++)
                {
                    cell += text[at];
                    at += text[at] == '"' ? 1 : 0;
                }

                at++;
            }
            else
            {
                while (text[at] is not (',' or '\r' or '\n' or '"'))
                    cell += text[at++];
            }

            cells.Add(cell);
            if (text[at] == ',')
            {
                at++;
                continue;
            }

            text[at..].Should().Match(rest => rest.StartsWith('\n') || rest.StartsWith("\r\n"));
            at += text[at] == '\r' ? 2 : 1;
            rows.Add(cells);
            cells = [];
        }

        return rows;
    }

    private static MultiInputModel Model() => MultiInputModel.Define()
        .Input("digit", Inputs.Image(1, 4, 4))
        .Base(Bases.ConvNet(2, 3))
        .Task("digit", Heads.Classification(2))
        .Build(CPU);

    private static TrainingHistory History(string name) => new()
    {
        Epochs =
        [
            new()
            {
                Epoch = 1,
                Phase = 1,
                Step = 5,
                LearningRate = 0.1,
                Losses = new Dictionary<string, double> { [name] = 0.5 },
                EpochsSeen = new Dictionary<string, double> { [name] = 2 },
                Validation = new Dictionary<string, TaskEvaluation>
                {
                    [name] = new() { Loss = 0.25, Metrics = new Dictionary<string, double> { [name] = 0.75 }, Primary = name, HigherIsBetter = true, Count = 4 },
                },
            },
        ],
    };

    private static string Shell(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(0);
        return output;
    }
}
