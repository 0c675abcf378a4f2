using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using MultiInputNet.Terminal;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using Spectre.Console;

namespace MultiInputNet.Tests.Terminal;

public sealed class ConsoleProgressTests
{
    [Fact]
    public void Output_that_is_no_terminal_gets_plain_lines_and_a_table()
    {
        var output = new Output(isTerminal: false);
        using var model = TrainingProblem.Build();
        using var progress = new ConsoleProgress(output.Console()) { Title = "mine", StepsBetweenLines = 5 };
        var history = new Trainer(model, TrainingProblem.Options).Fit(TrainingProblem.Sources(), TrainingProblem.Sources(), progress);
        progress.Complete(history);

        var text = output.ToString();
        text.Should().NotContain("\u001b").And.NotContain("\r");
        var lines = text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        lines.Count(line => Regex.IsMatch(line, @"^mine: epoch \d of 3, step (5|10|15) of 15, \d:\d\d:\d\d left; ")).Should().Be(3);
        lines.Should().Contain(line => Regex.IsMatch(line, @"image loss [\d.]+, accuracy 0\.\d{4}; table loss [\d.]+, rmse [\d.]+"), "each task's metric has its name");
        lines.Count(line => Regex.IsMatch(line, @"^mine: epoch \d of 3, training loss: image [\d.]+, table [\d.]+; validation: image accuracy [\d.]+, table rmse [\d.]+$")).Should().Be(3);
        lines.Should().Contain(line => line.StartsWith("mine: Warning: Validation source 'image': 60 of the 60 samples"));
        var table = lines.Where(line => line.StartsWith('|')).ToArray();
        table.Should().HaveCount(4, "a head, a rule and two tasks");
        table[0].Should().MatchRegex(@"^\| task +\| epoch +\| training loss \| validation loss \| +metric \| validation \|$");
        table[3].Should().Contain("rmse").And.Contain(ConsoleProgress.Number(history.Epochs[^1].Validation["table"].PrimaryValue));
    }

    [Fact]
    public void A_terminal_gets_a_live_line_within_its_width_that_ends_without_a_trace()
    {
        var output = new Output(isTerminal: true);
        using var progress = new ConsoleProgress(output.Console(width: 60));
        progress.Report(Step(1));
        progress.Report(Step(2) with
        {
            EpochResult = new()
            {
                Epoch = 1,
                Phase = 1,
                Step = 2,
                LearningRate = 1e-3,
                Losses = new Dictionary<string, double> { ["a"] = 0.5 },
                EpochsSeen = new Dictionary<string, double>(),
                Validation = new Dictionary<string, TaskEvaluation>(),
            },
        });
        progress.Report(Step(4));
        progress.Dispose();

        var text = output.ToString();
        text.Split('\r').Should().OnlyContain(part => part.TrimEnd('\n').Length < 60 || part.Contains("training loss"));
        text.Should().Contain("\r━━━━━─────────────── 25 %, epoch 1 of 2").And.Contain("\repoch 1 of 2, training loss: a 0.5000\n");
        text.Should().EndWith("\r", "the line is erased");
        text.Split('\r')[^2].Trim().Should().BeEmpty();
    }

    [Fact]
    public void Warnings_are_coloured_on_a_terminal_unless_NO_COLOR_asks_for_none()
    {
        var (coloured, plain) = (new Output(isTerminal: true), new Output(isTerminal: true));
        var step = Step(1) with { Warnings = ["look [at] this"] };
        new ConsoleProgress(coloured.Console()).Report(step);
        new ConsoleProgress(plain.Console(colours: false)).Report(step);

        coloured.ToString().Should().Contain("\u001b[").And.Contain("Warning: look [at] this");
        plain.ToString().Should().Contain("Warning: look [at] this").And.NotContain("\u001b");
    }

    [Theory]
    [InlineData(0.98765, "0.9877")]
    [InlineData(-0.5, "-0.5000")]
    [InlineData(3.14159, "3.142")]
    [InlineData(31.4159, "31.42")]
    [InlineData(314.159, "314.2")]
    [InlineData(31415.9, "31,416")]
    [InlineData(31415926.5, "3.14e7")]
    [InlineData(0.00012345, "1.23e-4")]
    [InlineData(0, "0")]
    [InlineData(double.NaN, "-")]
    public void Numbers_have_about_four_digits_in_every_culture(double value, string text)
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = new() { NumberDecimalSeparator = ",", NumberGroupSeparator = ".", NegativeSign = "−" } };
            ConsoleProgress.Number(value).Should().Be(text);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    private static TrainingProgress Step(int step) => new()
    {
        Step = step,
        Steps = 4,
        Epoch = 1,
        Epochs = 2,
        Phase = 1,
        Phases = 1,
        LearningRate = 1e-3,
        Losses = new Dictionary<string, double> { ["a"] = 0.5 },
        Metrics = new Dictionary<string, double> { ["a"] = 0.25 },
        EpochsSeen = new Dictionary<string, double>(),
        Remaining = TimeSpan.FromSeconds(61),
        MetricNames = new Dictionary<string, string> { ["a"] = "accuracy" },
    };

    /// <summary>What was written, by a console that is a terminal or none.</summary>
    private sealed class Output(bool isTerminal) : IAnsiConsoleOutput
    {
        public TextWriter Writer { get; } = new StringWriter { NewLine = "\n" };

        public bool IsTerminal => isTerminal;

        public int Width => 120;

        public int Height => 40;

        public void SetEncoding(Encoding encoding)
        {
        }

        public IAnsiConsole Console(int width = 120, bool colours = true)
        {
            var console = AnsiConsole.Create(new AnsiConsoleSettings
            {
                Out = this,
                Ansi = isTerminal ? AnsiSupport.Yes : AnsiSupport.No,
                ColorSystem = colours && isTerminal ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
                Interactive = isTerminal ? InteractionSupport.Yes : InteractionSupport.No,
            });
            console.Profile.Width = width;
            console.Profile.Capabilities.Unicode = true;
            return console;
        }

        public override string ToString() => $"{Writer}";
    }
}
