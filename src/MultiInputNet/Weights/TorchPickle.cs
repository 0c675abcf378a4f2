using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>
/// Reads the pickle of a PyTorch file. A pickle is a program for a stack machine that can call any function of Python by its
/// name; this machine knows the few names that stand for tensors and collections, makes its own objects for them, and refuses
/// every other name and every instruction that is not needed for data.
/// </summary>
/// <remarks>
/// Values are <see cref="string"/>, <see cref="long"/>, <see cref="BigInteger"/>, <see cref="double"/>, <see cref="bool"/>,
/// <see langword="null"/>, byte arrays, object arrays (tuples), lists of objects (lists and sets),
/// <see cref="PickledDictionary"/>, <see cref="Storage"/> and <see cref="PickledTensor"/>. Nothing here recurses, so that
/// neither nesting nor a list that contains itself can overflow the stack.
/// </remarks>
internal sealed class TorchPickle
{
    private const int MostInstructions = 2_000_000;
    private const int DeepestNesting = 1_000;
    private const int LongestName = 200;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly Dictionary<(string Module, string Name), object> KnownNames = new()
    {
        [("collections", "OrderedDict")] = Callable.OrderedDictionary,
        [("torch._utils", "_rebuild_tensor_v2")] = Callable.Tensor,
        [("torch._utils", "_rebuild_parameter")] = Callable.Parameter,
        [("__builtin__", "set")] = Callable.Set,
        [("builtins", "set")] = Callable.Set,
        [("_codecs", "encode")] = Callable.Bytes,
        [("torch", "DoubleStorage")] = ScalarType.Float64,
        [("torch", "FloatStorage")] = ScalarType.Float32,
        [("torch", "HalfStorage")] = ScalarType.Float16,
        [("torch", "BFloat16Storage")] = ScalarType.BFloat16,
        [("torch", "LongStorage")] = ScalarType.Int64,
        [("torch", "IntStorage")] = ScalarType.Int32,
        [("torch", "ShortStorage")] = ScalarType.Int16,
        [("torch", "CharStorage")] = ScalarType.Int8,
        [("torch", "ByteStorage")] = ScalarType.Byte,
        [("torch", "BoolStorage")] = ScalarType.Bool,
    };

    private readonly FileBytes file;
    private readonly byte[] bytes;
    private readonly Func<string, ScalarType, long, Storage> findStorage;
    private readonly List<object?> stack = [];
    private readonly List<int> marks = [];
    private readonly List<object?> memo = [];
    private int position;

    private TorchPickle(FileBytes file, byte[] bytes, Func<string, ScalarType, long, Storage> findStorage)
    {
        this.file = file;
        this.bytes = bytes;
        this.findStorage = findStorage;
    }

    private enum Callable
    {
        OrderedDictionary,
        Tensor,
        Parameter,
        Set,
        Bytes,
    }

    /// <summary>Reads a pickle.</summary>
    /// <param name="file">The file, for messages.</param>
    /// <param name="bytes">The pickle.</param>
    /// <param name="findStorage">Finds a storage by its key, type and number of values, or refuses it.</param>
    /// <returns>The value that it describes.</returns>
    public static object? Read(FileBytes file, byte[] bytes, Func<string, ScalarType, long, Storage> findStorage) =>
        new TorchPickle(file, bytes, findStorage).Run();

    private object? Run()
    {
        if (bytes is not [0x80, >= 2 and <= 5, ..])
            throw Damaged("it is of no protocol from 2 to 5");
        position = 2;
        for (var count = 0; ; count++)
        {
            if (count == MostInstructions)
                throw file.Refuse($"its pickle has more than {MostInstructions:N0} instructions.", "Save the state dict alone.");
            var instruction = Take(1)[0];
            if (instruction == '.')
                break;
            Step(instruction);
        }

        if (stack.Count != 1 || marks.Count > 0 || position != bytes.Length)
            throw Damaged("it ends with something left over");
        return stack[0];
    }

    /// <summary>One instruction. The names in the comments are those of Python's <c>pickletools</c>.</summary>
    private void Step(byte instruction)
    {
        switch (instruction)
        {
            case 0x95: // FRAME
                if (BinaryPrimitives.ReadUInt64LittleEndian(Take(8)) > (ulong)(bytes.Length - position))
                    throw Damaged("a frame reaches behind its end");
                break;
            case (byte)'(': // MARK
                if (marks.Count == DeepestNesting)
                    throw file.Refuse($"its pickle is nested deeper than {DeepestNesting:N0}.", "Save the state dict alone.");
                marks.Add(stack.Count);
                break;

            case (byte)'N': // NONE
                stack.Add(null);
                break;
            case 0x88: // NEWTRUE
                stack.Add(true);
                break;
            case 0x89: // NEWFALSE
                stack.Add(false);
                break;
            case (byte)'J': // BININT
                stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                break;
            case (byte)'K': // BININT1
                stack.Add((long)Take(1)[0]);
                break;
            case (byte)'M': // BININT2
                stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                break;
            case 0x8A: // LONG1
                var number = new BigInteger(Take(Take(1)[0]));
                stack.Add(number >= long.MinValue && number <= long.MaxValue ? (object)(long)number : number);
                break;
            case (byte)'G': // BINFLOAT
                stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                break;
            case (byte)'X': // BINUNICODE
                stack.Add(Text(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))));
                break;
            case 0x8C: // SHORT_BINUNICODE
                stack.Add(Text(Take(Take(1)[0])));
                break;
            case 0x8D: // BINUNICODE8
                stack.Add(Text(Take(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)))));
                break;
            case (byte)'B': // BINBYTES
                stack.Add(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))).ToArray());
                break;
            case (byte)'C': // SHORT_BINBYTES
                stack.Add(Take(Take(1)[0]).ToArray());
                break;
            case 0x8E: // BINBYTES8
                stack.Add(Take(BinaryPrimitives.ReadUInt64LittleEndian(Take(8))).ToArray());
                break;

            case (byte)')': // EMPTY_TUPLE
                stack.Add(Array.Empty<object?>());
                break;
            case 0x85 or 0x86 or 0x87: // TUPLE1, TUPLE2, TUPLE3
                stack.Add(PopMany(instruction - 0x84));
                break;
            case (byte)'t': // TUPLE
                stack.Add(PopToMark());
                break;
            case (byte)']' or 0x8F: // EMPTY_LIST, EMPTY_SET
                stack.Add(new List<object?>());
                break;
            case (byte)'a': // APPEND
                Extend(PopMany(1));
                break;
            case (byte)'e' or 0x90: // APPENDS, ADDITEMS
                Extend(PopToMark());
                break;
            case 0x91: // FROZENSET
                stack.Add(new List<object?>(PopToMark()));
                break;
            case (byte)'}': // EMPTY_DICT
                stack.Add(new PickledDictionary());
                break;
            case (byte)'s': // SETITEM
                SetItems(PopMany(2));
                break;
            case (byte)'u': // SETITEMS
                SetItems(PopToMark());
                break;

            case (byte)'q': // BINPUT
                Put(Take(1)[0]);
                break;
            case (byte)'r': // LONG_BINPUT
                Put(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                break;
            case 0x94: // MEMOIZE
                Put((uint)memo.Count);
                break;
            case (byte)'h': // BINGET
                Get(Take(1)[0]);
                break;
            case (byte)'j': // LONG_BINGET
                Get(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                break;

            case (byte)'c': // GLOBAL
                stack.Add(Known(Line(), Line()));
                break;
            case 0x93: // STACK_GLOBAL
                if (PopMany(2) is not [string module, string name])
                    throw Damaged("a name is no text");
                stack.Add(Known(module, name));
                break;
            case (byte)'R': // REDUCE
                if (PopMany(2) is not [Callable callable, object?[] arguments])
                    throw Damaged("it calls what is no function");
                stack.Add(Call(callable, arguments));
                break;
            case (byte)'b': // BUILD
                // Python keeps the versions of a module's layers as an attribute of its state dict.
                if (PopMany(2) is not [PickledDictionary { IsOrdered: true } built, PickledDictionary])
                    throw file.Refuse("its pickle sets the attributes of an object that is no state dict.", "Save the state dict alone.");
                stack.Add(built);
                break;
            case (byte)'Q': // BINPERSID
                if (PopMany(1) is not [object?[] and ["storage", ScalarType type, string key, string, long length]])
                    throw Damaged("it refers to something outside that is no storage");
                stack.Add(findStorage(key, type, length));
                break;

            case (byte)'i': // INST
                throw Forbidden(Line(), Line());
            default:
                throw file.Refuse(
                    $"its pickle has the instruction 0x{instruction:X2} at byte {position - 1:N0}, which no tensor, number, text or collection needs.",
                    "Save the state dict alone, in Python: torch.save(model.state_dict(), path).");
        }
    }

    private object Call(Callable callable, object?[] arguments) => (callable, arguments) switch
    {
        (Callable.OrderedDictionary, []) => new PickledDictionary { IsOrdered = true },
        (Callable.Tensor, [Storage storage, long offset, object?[] shape, object?[] strides, bool, PickledDictionary]) =>
            new PickledTensor(storage, offset, Sizes(shape), Sizes(strides)),
        (Callable.Tensor, [Storage storage, long offset, object?[] shape, object?[] strides, bool, PickledDictionary, PickledDictionary { Items: [] }]) =>
            new PickledTensor(storage, offset, Sizes(shape), Sizes(strides)),
        (Callable.Parameter, [PickledTensor tensor, bool, PickledDictionary]) => tensor,
        (Callable.Set, []) => new List<object?>(),
        (Callable.Set, [List<object?> items]) => items,
        (Callable.Bytes, [string text, "latin1"]) => Encoding.Latin1.GetBytes(text),
        _ => throw Damaged($"it makes a value of kind {callable} from something else than that takes"),
    };

    private long[] Sizes(object?[] items) =>
        Array.ConvertAll(items, item => item is long size ? size : throw Damaged("a size is no whole number"));

    private object Known(string module, string name) => KnownNames.TryGetValue((module, name), out var known) ? known : throw Forbidden(module, name);

    private MultiInputException Forbidden(string module, string name) => file.Refuse(
        $"its pickle asks for '{Shorten(module)}.{Shorten(name)}', which is no part of a state dict; no code of a file is run.",
        "Where you trust the file, load it in Python and save its state dict alone: torch.save(model.state_dict(), path).");

    private void Extend(object?[] items)
    {
        if (Peek() is not List<object?> list)
            throw Damaged("it adds to what is no list");
        list.AddRange(items);
    }

    private void SetItems(object?[] items)
    {
        if (Peek() is not PickledDictionary dictionary || items.Length % 2 != 0)
            throw Damaged("it adds to what is no dictionary, or a key without a value");
        for (var i = 0; i < items.Length; i += 2)
            dictionary.Items.Add((items[i], items[i + 1]));
    }

    // Python numbers what it remembers without a gap.
    private void Put(uint index)
    {
        var value = Peek();
        if (index > memo.Count)
            throw Damaged($"it remembers value {index:N0} before value {memo.Count:N0}");
        if (index == memo.Count)
            memo.Add(value);
        else
            memo[(int)index] = value;
    }

    private void Get(uint index)
    {
        if (index >= memo.Count)
            throw Damaged($"it recalls value {index:N0} of {memo.Count:N0}");
        stack.Add(memo[(int)index]);
    }

    private object? Peek() => stack.Count > Floor ? stack[^1] : throw Damaged("it takes from an empty stack");

    private object?[] PopMany(int count)
    {
        if (stack.Count - Floor < count)
            throw Damaged("it takes from an empty stack");
        return PopFrom(stack.Count - count);
    }

    private object?[] PopToMark()
    {
        if (marks.Count == 0)
            throw Damaged("a mark is missing");
        var mark = Floor;
        marks.RemoveAt(marks.Count - 1);
        return PopFrom(mark);
    }

    private object?[] PopFrom(int start)
    {
        var items = new object?[stack.Count - start];
        stack.CopyTo(start, items, 0, items.Length);
        stack.RemoveRange(start, items.Length);
        return items;
    }

    /// <summary>Values that lie below the last mark and stay there.</summary>
    private int Floor => marks.Count == 0 ? 0 : marks[^1];

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(bytes.Length - position))
            throw Damaged("it ends early");
        position += (int)count;
        return bytes.AsSpan(position - (int)count, (int)count);
    }

    private string Line()
    {
        var length = bytes.AsSpan(position).IndexOf((byte)'\n');
        if (length < 0)
            throw Damaged("it ends early");
        return Text(Take((ulong)length + 1)[..^1]);
    }

    private string Text(ReadOnlySpan<byte> text)
    {
        try
        {
            return Utf8.GetString(text);
        }
        catch (DecoderFallbackException e)
        {
            throw Damaged($"a text is no UTF-8: {e.Message}");
        }
    }

    private MultiInputException Damaged(string reason) => file.Refuse($"its pickle is damaged: {reason} (byte {position:N0}).");

    private static string Shorten(string name) => name.Length <= LongestName ? name : $"{name.AsSpan(0, LongestName)}…";
}
