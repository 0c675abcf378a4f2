using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace MultiInputNet.Weights;

/// <summary>
/// Reads the pickle of a PyTorch file. A pickle is a program for a stack machine that can call any Python function by name. This machine
/// knows the few names needed for tensors and collections and creates its own objects for them. Any other class or function is a mere
/// name, and its result a placeholder, so that nothing is run; every instruction that data does not need is rejected.
/// </summary>
/// <remarks>
/// Values are <see cref="string"/>, <see cref="long"/>, <see cref="BigInteger"/>, <see cref="double"/>, <see cref="bool"/>,
/// <see langword="null"/>, byte arrays, object arrays (tuples), lists of objects (lists and sets),
/// <see cref="PickledDictionary"/> (placeholders too), <see cref="StoredType"/>, <see cref="Storage"/> and <see cref="PickledTensor"/>.
/// Nothing here recurses, so that neither nesting nor a list that contains itself can overflow the stack.
/// </remarks>
internal sealed class TorchPickle
{
    private const int MostInstructions = 2_000_000;
    private const int DeepestNesting = 1_000;
    private const int LongestName = 200;

    // For PyTorch's untyped storages, each tensor declares the type of the values.
    private static readonly StoredType Bytes = StoredType.PyTorch["uint8"];

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly Dictionary<(string Module, string Name), object> KnownNames = new()
    {
        [("collections", "OrderedDict")] = Callable.OrderedDictionary,
        [("collections", "defaultdict")] = Callable.Dictionary,
        [("torch._utils", "_rebuild_tensor")] = Callable.Tensor,
        [("torch._utils", "_rebuild_tensor_v2")] = Callable.Tensor,
        [("torch._utils", "_rebuild_tensor_v3")] = Callable.TypedTensor,
        [("torch._utils", "_rebuild_parameter")] = Callable.Parameter,
        [("torch._utils", "_rebuild_parameter_with_state")] = Callable.Parameter,
        [("torch._utils", "_rebuild_qtensor")] = Callable.QuantizedTensor,
        [("torch._utils", "_rebuild_sparse_tensor")] = Callable.SparseTensor,
        [("torch._utils", "_rebuild_sparse_csr_tensor")] = Callable.SparseTensor,
        [("torch._tensor", "_rebuild_from_type")] = Callable.DerivedTensor,
        [("torch._tensor", "_rebuild_from_type_v2")] = Callable.DerivedTensor,
        [("torch", "Size")] = Callable.Size,
        [("__builtin__", "set")] = Callable.Set,
        [("builtins", "set")] = Callable.Set,
        [("_codecs", "encode")] = Callable.Bytes,
        [("torch", "UntypedStorage")] = Bytes,
        [("torch.storage", "UntypedStorage")] = Bytes,
        [("torch.storage", "_UntypedStorage")] = Bytes,
        [("torch", "DoubleStorage")] = StoredType.PyTorch["float64"],
        [("torch", "FloatStorage")] = StoredType.PyTorch["float32"],
        [("torch", "HalfStorage")] = StoredType.PyTorch["float16"],
        [("torch", "BFloat16Storage")] = StoredType.PyTorch["bfloat16"],
        [("torch", "LongStorage")] = StoredType.PyTorch["int64"],
        [("torch", "IntStorage")] = StoredType.PyTorch["int32"],
        [("torch", "ShortStorage")] = StoredType.PyTorch["int16"],
        [("torch", "CharStorage")] = StoredType.PyTorch["int8"],
        [("torch", "ByteStorage")] = StoredType.PyTorch["uint8"],
        [("torch", "BoolStorage")] = StoredType.PyTorch["bool"],
        [("torch", "ComplexFloatStorage")] = StoredType.PyTorch["complex64"],
        [("torch", "ComplexDoubleStorage")] = StoredType.PyTorch["complex128"],
        [("torch", "QUInt8Storage")] = StoredType.PyTorch["quint8"],
        [("torch", "QInt8Storage")] = StoredType.PyTorch["qint8"],
        [("torch", "QInt32Storage")] = StoredType.PyTorch["qint32"],
        [("torch", "QUInt4x2Storage")] = StoredType.PyTorch["quint4x2"],
        [("torch", "QUInt2x4Storage")] = StoredType.PyTorch["quint2x4"],
    };

    private readonly FileBytes file;
    private readonly byte[] bytes;
    private readonly Func<string, StoredType, long, Storage> findStorage;
    private readonly List<object?> stack = [];
    private readonly List<int> marks = [];
    private readonly List<object?> memo = [];
    private int position;
    private string? unknown;

    private TorchPickle(FileBytes file, byte[] bytes, int start, Func<string, StoredType, long, Storage> findStorage)
    {
        this.file = file;
        this.bytes = bytes;
        this.findStorage = findStorage;
        position = start;
    }

    private enum Callable
    {
        OrderedDictionary,
        Dictionary,
        Tensor,
        TypedTensor,
        Parameter,
        QuantizedTensor,
        SparseTensor,
        DerivedTensor,
        Size,
        Set,
        Bytes,
    }

    /// <summary>Reads a pickle.</summary>
    /// <param name="file">The file, for messages.</param>
    /// <param name="bytes">The bytes that it is in.</param>
    /// <param name="start">Where in them it begins.</param>
    /// <param name="findStorage">Finds a storage by its key, type and number of values, or rejects it.</param>
    /// <returns>What it describes.</returns>
    public static Pickled Read(FileBytes file, byte[] bytes, int start, Func<string, StoredType, long, Storage> findStorage) =>
        new TorchPickle(file, bytes, start, findStorage).Run();

    /// <summary>The exception for a pickle of something other than weights.</summary>
    public static MultiInputException Forbidden(FileBytes file, string name) => file.Refuse(
        $"its pickle asks for '{name}', which is not part of a state dict; no code in a file is run.",
        "If you trust the file, load it in Python and save only its state dict: torch.save(model.state_dict(), path).");

    private Pickled Run()
    {
        if (bytes.AsSpan(position) is not [0x80, >= 2 and <= 5, ..])
            throw Damaged("its protocol is not one of 2 to 5");
        position += 2;
        for (var count = 0; ; count++)
        {
            if (count == MostInstructions)
                throw file.Refuse($"its pickle has more than {MostInstructions:N0} instructions.", "Save only the state dict.");
            var instruction = Take(1)[0];
            if (instruction == '.')
                break;
            Step(instruction);
        }

        if (stack.Count != 1 || marks.Count > 0)
            throw Damaged("something is left over at its end");
        return new(stack[0], position, unknown);
    }

    /// <summary>One instruction. The names in the comments are those of Python's <c>pickletools</c>.</summary>
    private void Step(byte instruction)
    {
        switch (instruction)
        {
            case 0x95: // FRAME
                if (BinaryPrimitives.ReadUInt64LittleEndian(Take(8)) > (ulong)(bytes.Length - position))
                    throw Damaged("a frame extends beyond its end");
                break;
            case (byte)'(': // MARK
                if (marks.Count == DeepestNesting)
                    throw file.Refuse($"its pickle is nested deeper than {DeepestNesting:N0}.", "Save only the state dict.");
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
            case (byte)'I': // INT, of Python 2
                var text = Line();
                stack.Add(
                    text is "00" or "01" ? (object)(text is "01")
                    : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole
                    : throw Damaged("an integer is not a number"));
                break;
            case 0x8A: // LONG1
                PushLong(Take(Take(1)[0]));
                break;
            case 0x8B: // LONG4
                PushLong(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
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
            case (byte)'U': // SHORT_BINSTRING, of Python 2
                stack.Add(OldText(Take(Take(1)[0])));
                break;
            case (byte)'T': // BINSTRING, of Python 2
                stack.Add(OldText(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))));
                break;
            case (byte)'B': // BINBYTES
                stack.Add(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))).ToArray());
                break;
            case (byte)'C': // SHORT_BINBYTES
                stack.Add(Take(Take(1)[0]).ToArray());
                break;
            case 0x8E or 0x96: // BINBYTES8, BYTEARRAY8
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

            case (byte)'0': // POP
                if (stack.Count == Floor && marks.Count > 0)
                    marks.RemoveAt(marks.Count - 1);
                else
                    PopMany(1);
                break;
            case (byte)'1': // POP_MARK
                PopToMark();
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
                    throw Damaged("a name is not text");
                stack.Add(Known(module, name));
                break;
            case (byte)'R': // REDUCE
                stack.Add(PopMany(2) switch
                {
                    [Callable callable, object?[] arguments] => Call(callable, arguments),
                    [PickledDictionary { ClassName: not null } made, object?[]] => new PickledDictionary { ClassName = made.ClassName },
                    _ => throw Damaged("it calls something that is not a function"),
                });
                break;
            case 0x81 or 0x92: // NEWOBJ, NEWOBJ_EX
                if (PopMany(instruction == 0x81 ? 2 : 3) is not [PickledDictionary { ClassName: not null } type, ..])
                    throw Unusable(instruction);
                stack.Add(new PickledDictionary { ClassName = type.ClassName });
                break;
            case (byte)'b': // BUILD
                stack.Add(PopMany(2) switch
                {
                    [PickledDictionary { ClassName: not null } or PickledTensor, _] and [var built, _] => built,

                    // Python keeps the versions of a module's layers as an attribute of its state dict.
                    [PickledDictionary { IsOrdered: true } state, PickledDictionary attributes] => With(state, attributes),
                    _ => throw file.Refuse("its pickle sets the attributes of an object that is not a state dict.", "Save only the state dict."),
                });
                break;
            case (byte)'Q': // BINPERSID
                stack.Add(PopMany(1) is [object?[] id] ? Outside(id) : throw NoStorage());
                break;

            case (byte)'i': // INST
                throw Forbidden(file, $"{Shorten(Line())}.{Shorten(Line())}");
            default:
                throw Unusable(instruction);
        }
    }

    private object Call(Callable callable, object?[] arguments) => (callable, arguments) switch
    {
        (Callable.OrderedDictionary, []) => new PickledDictionary { IsOrdered = true },
        (Callable.Dictionary, _) => new PickledDictionary(),
        (Callable.Tensor, [Storage storage, long offset, object?[] shape, object?[] strides]) => View(storage, offset, shape, strides),
        (Callable.Tensor, [Storage storage, long offset, object?[] shape, object?[] strides, bool, PickledDictionary]) =>
            View(storage, offset, shape, strides),
        (Callable.Tensor, [Storage storage, long offset, object?[] shape, object?[] strides, bool, PickledDictionary, PickledDictionary { Items: [] } or null]) =>
            View(storage, offset, shape, strides),
        (Callable.TypedTensor, [Storage storage, long offset, object?[] shape, object?[] strides, bool, PickledDictionary, PickledDictionary type, ..]) =>
            Typed(storage, offset, shape, strides, type.ClassName ?? ""),
        (Callable.Parameter, [PickledTensor tensor, bool, PickledDictionary, ..]) => tensor,
        (Callable.QuantizedTensor, [Storage, long, object?[] shape, ..]) => PickledTensor.Odd("quantized", Sizes(shape)),
        (Callable.SparseTensor, [_, object?[] parts]) => PickledTensor.Odd("sparse", parts.OfType<object?[]>().FirstOrDefault() is { } shape ? Sizes(shape) : []),
        (Callable.DerivedTensor, [Callable.Tensor or Callable.TypedTensor or Callable.Parameter or Callable.QuantizedTensor or Callable.SparseTensor, _, object?[] inner, ..]) =>
            Call((Callable)arguments[0]!, inner),
        (Callable.Size, [object?[] sizes]) => sizes,
        (Callable.Size, [List<object?> sizes]) => sizes.ToArray(),
        (Callable.Set, []) => new List<object?>(),
        (Callable.Set, [List<object?> items]) => items,
        (Callable.Bytes, [string text, "latin1"]) => Encoding.Latin1.GetBytes(text),
        _ => throw Damaged($"it makes a value of kind {callable} from the wrong arguments"),
    };

    private PickledTensor View(Storage storage, long offset, object?[] shape, object?[] strides) =>
        storage.Type.IsUnknown ? PickledTensor.Odd($"of type {storage.Type.Name}", Sizes(shape)) : new(storage, offset, Sizes(shape), Sizes(strides));

    private PickledTensor Typed(Storage storage, long offset, object?[] shape, object?[] strides, string type) =>
        type.StartsWith("torch.", StringComparison.Ordinal) && StoredType.PyTorch.TryGetValue(type[6..], out var known)
            ? View(storage.As(known), offset, shape, strides)
            : PickledTensor.Odd($"of type {type}", Sizes(shape));

    /// <summary>What a pickle refers to outside itself: a storage, or in PyTorch's old format a class with its source text.</summary>
    private object Outside(object?[] id) => id switch
    {
        ["storage", StoredType type, string key, string, long length] => findStorage(key, type, length),
        ["storage", StoredType type, string key, string, long length, null] => findStorage(key, type, length),
        ["module", PickledDictionary { ClassName: not null } type, string, string] => type,
        _ => throw NoStorage(),
    };

    private static PickledDictionary With(PickledDictionary state, PickledDictionary attributes)
    {
        state.Attributes = attributes;
        return state;
    }

    private long[] Sizes(object?[] items) =>
        Array.ConvertAll(items, item => item is long size ? size : throw Damaged("a size is not an integer"));

    private object Known(string module, string name)
    {
        if (KnownNames.TryGetValue((module, name), out var known))
            return known;
        var text = $"{Shorten(module)}.{Shorten(name)}";
        unknown ??= text;
        return new PickledDictionary { ClassName = text };
    }

    private void PushLong(ReadOnlySpan<byte> bytes)
    {
        var number = new BigInteger(bytes);
        stack.Add(number >= long.MinValue && number <= long.MaxValue ? (object)(long)number : number);
    }

    private void Extend(object?[] items)
    {
        switch (Peek())
        {
            case List<object?> list:
                list.AddRange(items);
                break;
            case PickledDictionary { ClassName: not null }:
                break;
            default:
                throw Damaged("it appends to something that is not a list");
        }
    }

    private void SetItems(object?[] items)
    {
        if (Peek() is not PickledDictionary dictionary || items.Length % 2 != 0)
            throw Damaged("it adds to something that is not a dictionary, or a key without a value");
        for (var i = 0; i < items.Length; i += 2)
            dictionary.Items.Add((items[i], items[i + 1]));
    }

    // Python numbers what it memoizes without gaps.
    private void Put(uint index)
    {
        var value = Peek();
        if (index > memo.Count)
            throw Damaged($"it memoizes value {index:N0} before value {memo.Count:N0}");
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

    private object? Peek() => stack.Count > Floor ? stack[^1] : throw Damaged("it pops from an empty stack");

    private object?[] PopMany(int count)
    {
        if (stack.Count - Floor < count)
            throw Damaged("it pops from an empty stack");
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

    /// <summary>Values below the last mark, which stay there.</summary>
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
            throw Damaged($"a text is not UTF-8: {e.Message}");
        }
    }

    // Python 2 has a single type for text and bytes.
    private static string OldText(ReadOnlySpan<byte> text)
    {
        try
        {
            return Utf8.GetString(text);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(text);
        }
    }

    private MultiInputException Unusable(byte instruction) => file.Refuse(
        $"its pickle has the instruction 0x{instruction:X2} at byte {position - 1:N0}, which tensors, numbers, texts and collections do not need.",
        "Save only the state dict, in Python: torch.save(model.state_dict(), path).");

    private MultiInputException NoStorage() => Damaged("it refers to something outside that is not a storage");

    private MultiInputException Damaged(string reason) => file.Refuse($"its pickle is damaged: {reason} (byte {position:N0}).");

    private static string Shorten(string name) => name.Length <= LongestName ? name : $"{name.AsSpan(0, LongestName)}…";
}
