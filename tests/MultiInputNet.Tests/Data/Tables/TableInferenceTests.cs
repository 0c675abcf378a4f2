using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using MultiInputNet.Data;
using static MultiInputNet.Tests.Data.TemporaryFolder;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

/// <summary>What columns are taken for, and what is said of it.</summary>
public sealed class TableInferenceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Numbers_and_missing_ones_are_those_that_pandas_reads()
    {
        using var scope = NewDisposeScope();
        using var expected = JsonDocument.Parse(File.ReadAllText(Fixture("mixed.json")));
        double[] List(JsonElement list) => [.. list.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.Null ? double.NaN : value.GetDouble())];

        var schema = TableSchema.Infer(Fixture("mixed.csv"), ["y"]);
        var samples = new CsvSource("t", schema, Fixture("mixed.csv")).Samples;

        samples[TensorIndex.Colon, TensorIndex.Slice(0, 3)].contiguous().data<double>().ToArray().Should().Equal(expected.RootElement.GetProperty("rows").EnumerateArray().SelectMany(List));
        foreach (var (index, (mean, deviation)) in List(expected.RootElement.GetProperty("mean")).Zip(List(expected.RootElement.GetProperty("deviation"))).Index())
        {
            (schema.Input.Mean![index] / mean).Should().BeApproximately(1, 1e-12);
            (schema.Input.StandardDeviation![index] / deviation).Should().BeApproximately(1, 1e-9);
        }

        var categories = ((CategoricalColumn)schema.Input.Columns![3]).Categories;
        categories.Should().Equal(expected.RootElement.GetProperty("categories").EnumerateArray().Select(text => text.GetString()));
        samples[TensorIndex.Colon, TensorIndex.Single(3)].data<double>().Select(number => number == 0 ? null : categories[(int)number - 1])
            .Should().Equal(expected.RootElement.GetProperty("texts").EnumerateArray().Select(text => text.GetString()));
    }

    [Theory]
    [InlineData("N/A", false)]
    [InlineData("-", false)]
    [InlineData("?", false)]
    [InlineData("none", false)]
    [InlineData("inf", true)]
    [InlineData("-Infinity", true)]
    [InlineData("error", true)]
    [InlineData("3,1", true)]
    [InlineData("1 234", true)]
    [InlineData("12 kg", true)]
    public void One_odd_cell_among_numbers_leaves_them_numbers(string text, bool isReported)
    {
        using var scope = NewDisposeScope();
        var path = folder.Write("numbers.csv", "x,y\n" + string.Concat(Enumerable.Range(0, 300).Select(i => $"{(i == 150 ? $"\"{text}\"" : $"{i / 7.0:R}")},{(i == 200 ? $"\"{text}\"" : $"{i * 3.5:R}")}\n")));

        var schema = TableSchema.Infer(path, ["y"]);
        var source = new CsvSource("t", schema, path);

        schema.Input.Columns![0].Should().BeOfType<NumericColumn>();
        schema.Targets[0].ClassNames.Should().BeNull();
        source.Samples[150].item<double>().Should().Be(double.NaN);
        source.Targets["t"][200].item<double>().Should().Be(double.NaN);
        source.Targets["t"][201].item<double>().Should().Be(201 * 3.5);
        schema.Input.Encode(new Dictionary<string, string?> { ["x"] = text }).item<double>().Should().Be(double.NaN);
        if (isReported)
            schema.Warnings.Should().SatisfyRespectively(
                x => x.Should().Be($"column 'x' is not a number in 1 of 300 rows ('{text}' in line 152), which count as missing. For categories: Categorical = [\"x\"]."),
                y => y.Should().StartWith($"column 'y' is not a number in 1 of 300 rows ('{text}' in line 202)"));
        else
            schema.Warnings.Should().BeEmpty();

        // A text that nobody has seen is a mistake still.
        var other = folder.Write("other.csv", "x,y\n1,2\nnew,3\n");
        FluentActions.Invoking(() => new CsvSource("t", schema, other)).Should().Throw<MultiInputException>().WithMessage("*line 3*'new'*");
    }

    [Theory]
    [InlineData("3,1", ',', null, 3.1)]
    [InlineData("1.234,5", ',', '.', 1234.5)]
    [InlineData("1,234,567.5", '.', ',', 1234567.5)]
    [InlineData("12 345", '.', ' ', 12345)]
    [InlineData("12\u202F345,5", ',', ' ', 12345.5)]
    [InlineData("-1'234.5e1", '.', '\'', -12345)]
    public void Numbers_of_other_countries_are_noticed_and_read(string text, char point, char? thousands, double expected)
    {
        using var scope = NewDisposeScope();
        var path = folder.Write("numbers.csv", "x;y\n" + string.Concat(Enumerable.Range(0, 60).Select(i => $"{text[..^1]}{i % 10};{(i % 2 == 0 ? "a" : "b")}\n")) + $"{text};a\n");
        var options = new TableOptions { Format = new() { Delimiter = ';' } };

        var cure = point == '.' ? "ThousandsSeparator" : thousands is null ? "DecimalSeparator" : "DecimalSeparator and ThousandsSeparator";
        FluentActions.Invoking(() => TableSchema.Infer(path, ["y"], options)).Should().Throw<MultiInputException>().WithMessage($"*column 'x' holds * in line 2*Give {cure}, or *");
        var schema = TableSchema.Infer(path, ["y"], options with { DecimalSeparator = point, ThousandsSeparator = thousands });

        schema.Input.Columns![0].Should().BeOfType<NumericColumn>();
        new CsvSource("t", schema, path).Samples[60].item<double>().Should().Be(expected);
        using var model = MultiInputModel.Define().Input("t", schema.Input).Base(Bases.ConvNet(4)).Task("t", schema.Head).Build(CPU);
        ModelDescription.FromJson(model.Description.ToJson()).Input<TabularInput>("t")
            .Encode(new Dictionary<string, string?> { ["x"] = text }).item<double>().Should().Be(expected);
        TableSchema.Infer(path, ["y"], options with { Categorical = ["x"] }).Input.Columns![0].Should().BeOfType<CategoricalColumn>();
    }

    [Fact]
    public void A_comma_before_three_digits_may_be_either()
    {
        var path = folder.Write("numbers.csv", "x;y\n" + string.Concat(Enumerable.Range(100, 60).Select(i => $"1,{i};{(i % 2 == 0 ? "a" : "b")}\n")));

        FluentActions.Invoking(() => TableSchema.Infer(path, ["y"], new() { Format = new() { Delimiter = ';' } })).Should().Throw<MultiInputException>()
            .WithMessage("*numbers, if the decimal separator is ',' or if the thousands separator is ','. Give DecimalSeparator or ThousandsSeparator, or *");
    }

    [Fact]
    public void Many_classes_that_are_numbers_are_reported()
    {
        TableSchema Infer(int count) => TableSchema.Infer(folder.Write("ages.csv", "x,y\n" + string.Concat(Enumerable.Range(0, 300).Select(i => $"{i / 7.0:R},{i % count}\n"))), ["y"]);

        Infer(10).Warnings.Should().BeEmpty();
        Infer(80).Warnings.Should().Equal("column 'y' holds 80 different whole numbers (0, 1, 2, 3, 4, …), each a class. To regress numbers: Numeric = [\"y\"].");
    }

    [Fact]
    public void Another_delimiter_is_asked_for()
    {
        var path = folder.Write("fields.csv", "x;y\n1,5;a\n2,5;b\n");

        FluentActions.Invoking(() => TableSchema.Infer(path, ["y"])).Should().Throw<MultiInputException>().WithMessage("*it has no column 'y'. Its columns are 'x;y'. Is the delimiter ';'?");
        FluentActions.Invoking(() => TableSchema.Infer(path, ["x;y"])).Should().Throw<MultiInputException>().WithMessage("*line 2*it has 2 fields, but there are 1 columns. Is the delimiter ';'?*");
        FluentActions.Invoking(() => TableSchema.Infer(folder["none.csv"], ["y"])).Should().Throw<MultiInputException>().WithMessage("File '*none.csv', file: There is no such file*");
    }

    [Theory]
    [InlineData("1,23", '.', ',')]
    [InlineData("1,2,3", '.', ',')]
    [InlineData("1234,567", '.', ',')]
    [InlineData("1.5", ',', null)]
    [InlineData("1,5,5", ',', null)]
    [InlineData(",123", '.', ',')]
    public void Separators_at_other_places_make_no_number(string text, char point, char? thousands) =>
        new NumberFormat(point, thousands).TryParse(text, out _).Should().BeFalse();

    [Fact]
    public void The_culture_of_the_machine_changes_nothing()
    {
        using var scope = NewDisposeScope();
        var before = CultureInfo.CurrentCulture;
        try
        {
            var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            (culture.NumberFormat.NumberDecimalSeparator, culture.NumberFormat.NumberGroupSeparator, culture.NumberFormat.NegativeSign) = (",", ".", "~");
            CultureInfo.CurrentCulture = culture;
            var path = folder.Write("numbers.csv", "x,I,y\n-1.5,I,0.5\n2.5,i,1.5\nnone,I,2.25\n");
            var schema = TableSchema.Infer(path, ["y"]);

            schema.Input.Mean![0].Should().Be(0.5);
            ((CategoricalColumn)schema.Input.Columns![1]).Categories.Should().Equal("I", "i");
            new CsvSource("t", schema, path).Samples.data<double>().ToArray().Should().Equal(-1.5, 1, 2.5, 2, double.NaN, 1);
            schema.ToString().Should().Contain("mean 0.5, deviation 2,");
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Classes_that_are_written_as_numbers_are_known_by_their_value()
    {
        using var scope = NewDisposeScope();
        var schema = TableSchema.Infer(folder.Write("train.csv", "x,y\n1,0.0\n2,1.0\n3,1\n4,0.0\n"), ["y"]);
        var test = new CsvSource("t", schema, folder.Write("test.csv", "x,y\n1,1\n2,0\n3,1.0\n4,NA\n"));

        schema.Targets[0].ClassNames.Should().Equal("0.0", "1.0");
        test.Targets["t"].data<long>().ToArray().Should().Equal(1, 0, 1, -1);
    }

    [Fact]
    public void A_plus_and_a_minus_are_classes_and_a_word_for_missing_is_reported()
    {
        var signs = TableSchema.Infer(folder.Write("signs.csv", "x,y\n1,+\n2,-\n3,+\n4,-\n"), ["y"]);
        var words = TableSchema.Infer(folder.Write("words.csv", "x,y\n1,apnea\n2,None\n3,insomnia\n4,None\n5,apnea\n6,insomnia\n"), ["y"]);

        signs.Targets[0].ClassNames.Should().Equal("+", "-");
        signs.Warnings.Should().BeEmpty();
        words.Warnings.Should().Equal("column 'y' has no label in 2 rows of the file, which contain 'None' or similar; if that is a class, set MissingTexts without it.");
        TableSchema.Infer(folder["words.csv"], ["y"], new() { MissingTexts = ["NA"] }).Targets[0].ClassNames.Should().Equal("None", "apnea", "insomnia");
    }

    [Fact]
    public void Columns_of_which_little_can_be_learned_are_reported()
    {
        var path = folder.Write("odd.csv", "id,name,one,mixed,y,z\n" + string.Concat(Enumerable.Range(0, 60).Select(i => $"{i},n{i},7,{(i % 3 == 0 ? "x" : $"{i}")},t{i},{(i == 0 ? "a" : "b")}\n")));

        TableSchema.Infer(path, ["y", "z"]).Warnings.Should().SatisfyRespectively(
            id => id.Should().StartWith("column 'id' counts the rows"),
            name => name.Should().StartWith("column 'name' has 60 different texts in 60 rows, so that little can be learned from it; leave it out: Ignore = [\"name\"]."),
            one => one.Should().Be("column 'one' holds 7 in every training row and carries no information."),
            mixed => mixed.Should().StartWith("column 'mixed' is not a number in 20 of 60 rows ('x' in line 2, 'x' in line 5, 'x' in line 8, …); it is treated as categorical."),
            unique => unique.Should().StartWith("column 'mixed' has 41 different texts in 60 rows"),
            y => y.Should().StartWith("column 'y' has 60 different labels in 60 rows, each a class. Is it the right column?"),
            z => z.Should().Be("column 'z' has 1 class with a single training row."));
        TableSchema.Infer(path, ["one"], new() { Ignore = ["y"] }).Warnings.Should().Contain("column 'one' is '7' in every training row: there is nothing to learn.");
    }

    [Theory]
    [InlineData("x,y\n", "*no rows after its header*")]
    [InlineData("x,y\n,a\n", "*column 'x' has no value in any training row.*Ignore*")]
    [InlineData("x,y\n1,\n2,NA\n", "*column 'y' has no label in any training row*")]
    [InlineData("x,x,y\n1,2,a\n", "*names column 'x' several times*")]
    [InlineData("y\na\nb\n", "*no column left for the input*")]
    public void Tables_without_something_to_learn_are_refused(string text, string message) =>
        FluentActions.Invoking(() => TableSchema.Infer(folder.Write("table.csv", text), ["y"])).Should().Throw<MultiInputException>().WithMessage(message);

    [Fact]
    public void Options_that_contradict_each_other_are_refused()
    {
        var path = folder.Write("table.csv", "x,y\n1,a\n2,b\n");

        FluentActions.Invoking(() => TableSchema.Infer(path, ["y"], new() { Numeric = ["x"], Categorical = ["x"] })).Should().Throw<ArgumentException>().WithMessage("*'x'*more than one*");
        FluentActions.Invoking(() => TableSchema.Infer(path, ["y"], new() { DecimalSeparator = ',', ThousandsSeparator = ',' })).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => TableSchema.Infer(path, ["y", "y"])).Should().Throw<ArgumentException>();
        FluentActions.Invoking(() => TableSchema.Infer(path, ["y"], new() { Ignore = ["y"] })).Should().Throw<MultiInputException>().WithMessage("*'y' is both a target and in Ignore*");
    }

    [Fact]
    public void A_column_that_the_header_leaves_empty_is_called_by_its_number_and_a_header_of_numbers_is_reported()
    {
        TableSchema.Infer(folder.Write("index.csv", ",x,y\n0,5,a\n1,6,b\n"), ["y"]).Input.Columns!.Select(column => column.Name).Should().Equal("column1", "x");
        TableSchema.Infer(folder.Write("numbers.csv", "1.5,2.5,3\n2.5,2.5,4\n3.5,1,3\n"), ["3"]).Warnings.Should().Contain(warning => warning.Contains("HasHeader"));
    }

    [Fact]
    public void Bytes_of_another_encoding_are_refused_by_their_line_and_read_when_it_is_named()
    {
        const string Text = "x,y\n1,Tier\n\"a\nb\",Bär\n2,Bör\n";
        var path = folder.Write("latin.csv", Encoding.Latin1.GetBytes(Text));

        FluentActions.Invoking(() => TableSchema.Infer(path, ["y"])).Should().Throw<MultiInputException>()
            .WithMessage("File '*latin.csv', file: Line 4 has bytes that are not UTF-8: set the file's encoding in CsvFormat.Encoding*");
        TableSchema.Infer(path, ["y"], new() { Format = new() { Encoding = Encoding.Latin1 } }).Targets[0].ClassNames.Should().Equal("Bär", "Bör", "Tier");
        foreach (var encoding in new Encoding[] { Encoding.UTF8, Encoding.Unicode, Encoding.BigEndianUnicode, Encoding.UTF32 })
        {
            var marked = folder.Write("marked.csv", [.. encoding.GetPreamble(), .. encoding.GetBytes(Text)]);
            TableSchema.Infer(marked, ["y"]).Targets[0].ClassNames.Should().Equal(["Bär", "Bör", "Tier"], encoding.WebName);
        }

        FluentActions.Invoking(() => TableSchema.Infer(folder.Write("unmarked.csv", Encoding.Unicode.GetBytes(Text)), ["y"])).Should().Throw<MultiInputException>().WithMessage("*encoding*");
    }

    [Fact]
    public void Lines_are_counted_through_fields_of_several_lines()
    {
        var path = folder.Write("lines.csv", "x,y\r\n\"1\",\"a\r\nb\"\r\n\r\n2,\"c\n\nd\"\nodd,e\n3\n");
        var schema = TableSchema.Infer(folder.Write("train.csv", "x,y\n1,\"a\r\nb\"\n2,\"c\n\nd\"\n3,e\n"), ["y"]);

        var source = new CsvSource("t", schema, path, onBroken: OnBroken.Skip);

        source.Count.Should().Be(2);
        source.Broken.Select(broken => broken.Place[^6..]).Should().Equal("line 8", "line 9");
    }

    [Fact]
    public void A_quote_in_the_midst_takes_no_lines_along()
    {
        using var scope = NewDisposeScope();
        var path = folder.Write("inches.csv", "size,y\n5\",a\n6\",b\n7,a\n");

        FluentActions.Invoking(() => TableSchema.Infer(path, ["y"])).Should().Throw<MultiInputException>().WithMessage("*inches.csv', line 2*quote in the middle*HasQuotes*");
        ((CategoricalColumn)TableSchema.Infer(path, ["y"], new() { Format = new() { HasQuotes = false }, Categorical = ["size"] }).Input.Columns![0])
            .Categories.Should().Equal("5\"", "6\"", "7");
    }

    [Fact]
    public void A_small_packed_file_of_broken_rows_keeps_a_thousand_of_them()
    {
        using var scope = NewDisposeScope();
        var schema = TableSchema.Infer(folder.Write("train.csv", "x,y\n1,a\n2,b\n"), ["y"]);
        using (var gzip = new GZipStream(File.Create(folder["bad.csv.gz"]), CompressionLevel.SmallestSize))
        {
            gzip.Write("x,y\n"u8);
            for (var i = 0; i < 100; i++)
                gzip.Write(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("0\n", 100_000))));
            gzip.Write("1,a\n"u8);
        }

        var before = GC.GetTotalMemory(forceFullCollection: true);
        var source = new CsvSource("t", schema, folder["bad.csv.gz"], onBroken: OnBroken.Skip);

        source.Count.Should().Be(1);
        source.Broken.Should().HaveCount(1001);
        source.Broken[^1].Problem.Should().Be("9,999,000 more of its rows cannot be read; the first 1,000 are listed.");
        (GC.GetTotalMemory(forceFullCollection: true) - before).Should().BeLessThan(2 << 20);
        GC.KeepAlive(source);
    }

    [Fact]
    public void A_table_is_read_once_for_its_schema_and_all_its_sources()
    {
        using var scope = NewDisposeScope();
        var path = folder.Write("all.csv", "x,c,y\n1,a,0.5\n3,b,1.5\n100,z,2.5\n2,a,NA\n");
        var table = CsvTable.Read(path);
        File.Delete(path);

        var schema = table.Infer(["y"], row => row < 2);
        var (train, test) = (table.Source("t", schema, row => row < 2), table.Source("t", schema, row => row >= 2));

        (table.Count, schema.Input.Mean![0]).Should().Be((4, 2));
        train.Samples.data<double>().ToArray().Should().Equal(1, 1, 3, 2);
        test.Samples.data<double>().ToArray().Should().Equal(100, 0, 2, 1);
        test.Targets["t"].data<double>().ToArray().Should().Equal(2.5, double.NaN);
    }

    [Fact]
    public void A_schema_prints_as_a_table()
    {
        var path = folder.Write("train.csv", "age,port,kind,fare\n30,S,a,7.5\n50,C,b,8.5\n40,S,a,\n");

        TableSchema.Infer(folder.Write("seconds.csv", "time,y\n1700000000,0\n1700000100,1\n"), ["y"]).ToString().Should().Contain("mean 1700000050, deviation 50, ");
        TableSchema.Infer(path, ["kind", "fare"]).ToString().Should().Be("""
            column  kind           details
            age     number         mean 40, deviation 8.16497, a missing one is 40
            port    category       2: 'C', 'S'; embedded in 1
            kind    label: class   2: 'a', 'b'
            fare    label: number  to regress
            """.ReplaceLineEndings("\n"));
    }
}
