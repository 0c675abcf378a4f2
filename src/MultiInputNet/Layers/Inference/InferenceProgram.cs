using System.Globalization;
using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Functions that compute in one native call what the layers of a path compute one by one. It is a TorchScript module, which reaches
/// operators that TorchSharp does not have: oneDNN's convolutions with weights in its own layout and with what follows them.
/// </summary>
/// <remarks>It never changes, so any number of threads may call it. It runs in single precision on the CPU.</remarks>
internal sealed class InferenceProgram : IDisposable
{
    private readonly jit.ScriptModule module;
    private bool disposed;

    /// <summary>Compiles functions.</summary>
    /// <param name="functions">The body of each and the name of its result, by the function's name. They take <c>input</c>.</param>
    /// <param name="constants">Their constants, which are copied.</param>
    /// <exception cref="Exception">libtorch does not have an operator.</exception>
    public InferenceProgram(IReadOnlyDictionary<string, (string Body, string Result)> functions, InferenceConstants constants)
    {
        using var noGrad = no_grad();
        module = jit.load(Archive(Source(functions, constants)));
        try
        {
            foreach (var value in constants.Values)
                module.invoke("put", value);
            module.invoke("pack");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Calls a function.</summary>
    /// <param name="function">Its name.</param>
    /// <param name="input">Maps, <c>(batch, channels, height, width)</c>.</param>
    /// <returns>The features.</returns>
    public Tensor Run(string function, Tensor input) => (Tensor)module.invoke(function, input);

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        try
        {
            // TorchSharp's script modules keep their attributes when they are disposed of.
            module.invoke("clear");
        }
        finally
        {
            module.Dispose();
        }
    }

    private static string Source(IReadOnlyDictionary<string, (string Body, string Result)> functions, InferenceConstants constants)
    {
        var code = new StringBuilder("""
            class Program(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              raw : List[Tensor]
              w : List[Tensor]
              of_one : List[Tensor]
              def put(self: __torch__.Program, value: Tensor) -> NoneType:
                _0 = torch.append(self.raw, value)
                return None
              def add(self: __torch__.Program, value: Tensor, of_one: Tensor) -> NoneType:
                _0 = torch.append(self.w, value)
                _1 = torch.append(self.of_one, of_one)
                return None
              def once(self: __torch__.Program, value: Tensor, of_one: Tensor) -> Tensor:
                if torch.equal(ops.mkldnn._get_mkldnn_serialized_md(value), ops.mkldnn._get_mkldnn_serialized_md(of_one)):
                  kept = value
                else:
                  kept = of_one
                return kept
              def weights(self: __torch__.Program, input: Tensor) -> List[Tensor]:
                if torch.eq(torch.size(input, 0), 1):
                  w = self.of_one
                else:
                  w = self.w
                return w
              def clear(self: __torch__.Program) -> NoneType:
                self.raw = annotate(List[Tensor], [])
                self.w = annotate(List[Tensor], [])
                self.of_one = annotate(List[Tensor], [])
                return None
              def pack(self: __torch__.Program) -> NoneType:

            """.ReplaceLineEndings("\n"));
        foreach (var (index, (packed, forOne)) in constants.Expressions.Index())
        {
            code.Append(CultureInfo.InvariantCulture, $"    raw = self.raw[{index}]\n    x{index} = {packed}\n");
            code.Append(CultureInfo.InvariantCulture, $"    _{index} = (self).add(x{index}, {(forOne is null ? $"x{index}" : $"(self).once(x{index}, {forOne}, )")}, )\n");
        }

        code.Append("    self.raw = annotate(List[Tensor], [])\n    return None\n");
        foreach (var (name, (body, result)) in functions)
            code.Append(CultureInfo.InvariantCulture, $"  def {name}(self: __torch__.Program, input: Tensor) -> Tensor:\n    w = (self).weights(input, )\n{body}    return {result}\n");
        return code.ToString();
    }

    /// <summary>The file that torch.jit.save would write of a module of this class: its code, and its pickled attributes.</summary>
    private static byte[] Archive(string source)
    {
        using var archive = new MemoryStream();
        using (var zip = new ZipArchive(archive, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("code/__torch__.py", Encoding.ASCII.GetBytes(source));
            Add("constants.pkl", [0x80, 2, (byte)')', (byte)'.']);
            byte[] created = [.. "c__torch__\nProgram\n)"u8, 0x81];
            byte[] attributes = [.. Attribute("training"), 0x89, .. Attribute("raw"), (byte)']', .. Attribute("w"), (byte)']', .. Attribute("of_one"), (byte)']'];
            Add("data.pkl", [0x80, 2, .. created, .. "}("u8, .. attributes, .. "ub."u8]);
            Add("version", "3\n"u8.ToArray());

            void Add(string name, byte[] content)
            {
                using var entry = zip.CreateEntry($"program/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return archive.ToArray();

        static byte[] Attribute(string name) => [(byte)'X', (byte)name.Length, 0, 0, 0, .. Encoding.ASCII.GetBytes(name)];
    }
}
