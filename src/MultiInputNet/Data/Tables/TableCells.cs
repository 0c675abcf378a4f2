namespace MultiInputNet.Data;

/// <summary>
/// The cells of a column in memory: each as a number and as one of the column's distinct texts. A missing number is NaN. A text that
/// is not a number, or not a known text, is odd: its position among the odd texts is stored instead.
/// </summary>
internal sealed class TableCells
{
    /// <summary>How many distinct odd texts are kept, and up to which length; others are shown as dots.</summary>
    private const int LargestOddCount = 1000;
    private const int LongestOddText = 200;

    /// <summary>A longer text is not a category.</summary>
    private const int LongestText = 1000;

    private const int MissingText = -1;
    private const int FirstOddText = -2;

    // The upper half of a NaN that represents an odd text; the lower half is its number. Missing numbers are double.NaN, which has another
    // sign.
    private const uint OddNumber = 0x7FF8_0000;

    private readonly NumberFormat format;
    private readonly bool isPlain;
    private readonly bool isFixed;
    private readonly int largestCount;
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> missingNumbers;
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> missingTexts;
    private readonly List<string> texts = [];
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> numberOfText;
    private readonly Dictionary<double, int>? numberOfValue;
    private readonly List<string> oddTexts = [];
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> numberOfOdd;
    private double[]? numbers;
    private int[]? codes;
    private int count;

    private TableCells(
        NumberFormat format, HashSet<string> missingNumbers, HashSet<string> missingTexts, bool readsNumbers, bool readsTexts, IReadOnlyList<string>? known, bool matchesValues, int largestCount)
    {
        this.format = format;

        // A number, such as -999, may mark a missing value.
        isPlain = format == new NumberFormat() && !missingNumbers.Any(text => format.TryParse(text, out _));
        this.missingNumbers = missingNumbers.GetAlternateLookup<ReadOnlySpan<char>>();
        this.missingTexts = missingTexts.GetAlternateLookup<ReadOnlySpan<char>>();
        this.largestCount = largestCount;
        isFixed = known is not null;
        numbers = readsNumbers ? new double[256] : null;
        codes = readsTexts ? new int[256] : null;
        numberOfText = new Dictionary<string, int>().GetAlternateLookup<ReadOnlySpan<char>>();
        numberOfOdd = new Dictionary<string, int>().GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var text in known ?? [])
        {
            numberOfText.Dictionary[text] = texts.Count;
            texts.Add(text);
        }

        // Classes 0 and 1 are recognised in files that write 0.0 and 1.0.
        if (matchesValues && texts.All(text => format.TryParse(text, out _)))
        {
            numberOfValue = [];
            foreach (var (index, text) in texts.Index())
                numberOfValue.TryAdd(format.TryParse(text, out var value) ? value : double.NaN, index);
        }
    }

    /// <summary>The distinct texts, indexed by their numbers, without those that are missing values.</summary>
    public IReadOnlyList<string> Texts => texts;

    /// <summary>The texts that are not numbers, or not known.</summary>
    public IReadOnlyList<string> OddTexts => oddTexts;

    /// <summary>Whether there are more distinct texts than are kept, or one that is too long; then none is kept.</summary>
    public bool HasTooMany { get; private set; }

    /// <summary>Whether a text is longer than a category may be.</summary>
    public bool HasLongText { get; private set; }

    /// <summary>A text, other than an empty one, that was taken for a missing value, and how many cells hold such texts.</summary>
    public (string Text, long Count)? MissingWord { get; private set; }

    /// <summary>A column of which nothing is known.</summary>
    public static TableCells Unknown(NumberFormat format, IReadOnlyList<string>? missing, int largestCount) =>
        new(format, TableEncoder.MissingNumbers(missing), TableEncoder.MissingTexts(missing), true, true, null, false, largestCount);

    /// <summary>A column of numbers.</summary>
    public static TableCells Numbers(NumberFormat format, IReadOnlyList<string>? missing, IReadOnlyList<string>? missingInColumn) =>
        new(format, TableEncoder.MissingNumbers(missing, missingInColumn), [], true, false, null, false, 0);

    /// <summary>A column of known texts.</summary>
    /// <param name="format">How numbers are written.</param>
    /// <param name="missing">The texts that mean missing, unless they are known texts.</param>
    /// <param name="known">The texts.</param>
    /// <param name="matchesValues">Whether another text for the same number is the same, if all are numbers.</param>
    public static TableCells Known(NumberFormat format, HashSet<string> missing, IReadOnlyList<string> known, bool matchesValues) =>
        new(format, [], missing, false, true, known, matchesValues, known.Count);

    /// <summary>The position of a text among the known ones; null if it is not among them.</summary>
    public int? Find(string text) => ReadText(text) is >= 0 and var code ? code : null;

    /// <summary>Reads a cell of the current row.</summary>
    public void Add(CsvReader row, int column)
    {
        if (count == (numbers?.Length ?? codes!.Length))
        {
            if (numbers is not null)
                Array.Resize(ref numbers, 2 * count);
            if (codes is not null)
                Array.Resize(ref codes, 2 * count);
        }

        var isNumber = false;
        if (numbers is not null && isPlain)
            isNumber = row.TryParse(column, out numbers[count]);
        if (!isNumber || codes is not null)
        {
            var text = row[column].Trim();
            if (numbers is not null && !isNumber)
                numbers[count] = ReadNumber(text);
            if (codes is not null)
                codes[count] = ReadText(text);
            if (HasTooMany)
                codes = null;
        }

        count++;
    }

    /// <summary>The number of a row; NaN if it is missing or odd.</summary>
    public double Number(int row) => numbers![row];

    /// <summary>The text that is not a number; null if it is one or is missing.</summary>
    public string? OddNumberText(int row)
    {
        var bits = BitConverter.DoubleToUInt64Bits(numbers![row]);
        return bits >> 32 == OddNumber ? OddText((int)(uint)bits) : null;
    }

    /// <summary>The position of a row's text in <see cref="Texts"/>; below zero if it is missing or odd.</summary>
    public int Code(int row) => codes![row];

    /// <summary>The text that is not known; null if it is known or missing.</summary>
    public string? OddCodeText(int row) => codes![row] <= FirstOddText ? OddText(FirstOddText - codes[row]) : null;

    private string OddText(int index) => index < oddTexts.Count ? oddTexts[index] : "…";

    private double ReadNumber(ReadOnlySpan<char> text)
    {
        if (missingNumbers.Contains(text))
        {
            if (codes is null)
                CountMissing(text);
            return double.NaN;
        }

        return format.TryParse(text, out var number) ? number : BitConverter.UInt64BitsToDouble(((ulong)OddNumber << 32) | (uint)NumberOfOdd(text));
    }

    private int ReadText(ReadOnlySpan<char> text)
    {
        if (numberOfText.TryGetValue(text, out var known))
            return known;
        if (missingTexts.Contains(text))
        {
            CountMissing(text);
            return MissingText;
        }

        if (isFixed)
            return numberOfValue is not null && format.TryParse(text, out var value) && numberOfValue.TryGetValue(value, out var same) ? same : FirstOddText - NumberOfOdd(text);
        if (texts.Count == largestCount || text.Length > LongestText)
        {
            HasTooMany = true;
            HasLongText = text.Length > LongestText;
            return MissingText;
        }

        var added = text.ToString();
        numberOfText.Dictionary.Add(added, texts.Count);
        texts.Add(added);
        return texts.Count - 1;
    }

    private int NumberOfOdd(ReadOnlySpan<char> text)
    {
        if (numberOfOdd.TryGetValue(text, out var known))
            return known;
        if (oddTexts.Count == LargestOddCount || text.Length > LongestOddText)
            return LargestOddCount;
        var added = text.ToString();
        numberOfOdd.Dictionary.Add(added, oddTexts.Count);
        oddTexts.Add(added);
        return oddTexts.Count - 1;
    }

    private void CountMissing(ReadOnlySpan<char> text)
    {
        if (!text.IsEmpty)
            MissingWord = MissingWord is var (word, cells) ? (word, cells + 1) : (text.ToString(), 1);
    }
}
