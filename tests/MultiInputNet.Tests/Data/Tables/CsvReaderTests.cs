using System.Text.Json;
using MultiInputNet.Data;
using static MultiInputNet.Tests.Data.TemporaryFolder;

namespace MultiInputNet.Tests.Data;

public sealed class CsvReaderTests
{
    [Fact]
    public void Rows_are_those_that_Python_s_csv_module_wrote()
    {
        var expected = JsonSerializer.Deserialize<string[][]>(File.ReadAllText(Fixture("tricky.json")))!;
        using var reader = new CsvReader(new StreamReader(Fixture("tricky.csv")), new());

        reader.Columns.Should().Equal(expected[0]);
        Rows(reader).Should().BeEquivalentTo(expected[1..], options => options.WithStrictOrdering());
    }

    [Theory]
    [InlineData("a,b\n1,2\n3,4", "1|2 3|4")]
    [InlineData("a,b\r\n1,2\r\n3,4\r\n", "1|2 3|4")]
    [InlineData("a,b\r1,2\r", "1|2")]
    [InlineData("a,b\n\n1,\n,2\n\n", "1| |2")]
    [InlineData("\uFEFFa,b\n1,2", "1|2")]
    [InlineData("a,b\n1,2,3\n4\n", "1|2|3 4")]
    [InlineData("a,b\n\"1\"x,y\"z\"\n", "1x|y\"z\"")]
    public void Lines_end_in_any_way_and_ragged_rows_are_given_as_they_are(string text, string rows)
    {
        using var reader = new CsvReader(new StreamReader(new MemoryStream([.. System.Text.Encoding.UTF8.GetBytes(text)])), new());

        reader.Columns.Should().Equal("a", "b");
        string.Join(' ', Rows(reader).Select(row => string.Join('|', row))).Should().Be(rows);
    }

    [Fact]
    public void Without_a_header_columns_have_numbers_and_the_first_row_is_a_row()
    {
        using var reader = new CsvReader(new StringReader("1;2\n3;4\n"), new() { Delimiter = ';', HasHeader = false });

        reader.Columns.Should().Equal("column1", "column2");
        Rows(reader).SelectMany(row => row).Should().Equal("1", "2", "3", "4");
    }

    [Theory]
    [InlineData('"')]
    [InlineData('\n')]
    public void What_means_something_else_is_no_delimiter(char delimiter) =>
        new Action(() => _ = new CsvFormat { Delimiter = delimiter }).Should().Throw<ArgumentException>();

    [Fact]
    public void A_row_s_line_is_the_one_it_begins_in()
    {
        using var reader = new CsvReader(new StringReader("a,b\n\n\"x\ny\",1\n2,3\n"), new());

        reader.Read();
        reader.Line.Should().Be(3);
        reader.Read();
        reader.Line.Should().Be(5);
    }

    [Theory]
    [InlineData("", "*no row*")]
    [InlineData("a,a\n1,2", "*'a' several times*")]
    [InlineData("a,b\n1,\"2\n3,4\n", "*line 2 opens is not closed*")]
    public void What_is_no_table_is_refused(string text, string message)
    {
        var act = () =>
        {
            using var reader = new CsvReader(new StringReader(text), new());
            Rows(reader);
        };

        act.Should().Throw<InvalidDataException>().WithMessage(message);
    }

    [Fact]
    public void A_quote_that_swallows_the_file_is_noticed()
    {
        var act = () => new CsvReader(new StringReader("\"" + new string('x', 2 << 20)), new());

        act.Should().Throw<InvalidDataException>().WithMessage("*more than 1,048,576 characters*");
    }

    private static List<string[]> Rows(CsvReader reader)
    {
        var rows = new List<string[]>();
        while (reader.Read())
            rows.Add([.. reader.Cells]);
        return rows;
    }
}
