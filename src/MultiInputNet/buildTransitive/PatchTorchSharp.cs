using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

// Compiled by MSBuild while it builds, so: C# 7.3, .NET Standard 2.0, one file.
namespace MultiInputNet.Build
{
    /// <summary>Copies a file of TorchSharp's package, changed where it needs that.</summary>
    /// <remarks>
    /// libLibTorchSharp.so is changed so that it loads with an older libstdc++, TorchSharp.dll so that its methods keep their
    /// arguments alive while native code uses them.
    /// </remarks>
    public sealed class PatchTorchSharp : Task
    {
        /// <summary>The file in the package, which is only read.</summary>
        [Required]
        public string Source { get; set; }

        /// <summary>The package's version.</summary>
        [Required]
        public string Version { get; set; }

        /// <summary>Where the copy goes.</summary>
        [Required]
        public string Patched { get; set; }

        public override bool Execute()
        {
            try
            {
                byte[] file = File.ReadAllBytes(Source);
                bool understood = Path.GetExtension(Source) == ".dll" ? KeepAlive(file) : MarkWeak(file);
                Directory.CreateDirectory(Path.GetDirectoryName(Patched));
                WriteWhole(Patched, file);
                if (!understood)
                    File.SetLastWriteTimeUtc(Patched, File.GetLastWriteTimeUtc(Source).AddDays(-1)); // the next build looks again
            }
            catch (Exception e) when (e is IOException || e is UnauthorizedAccessException)
            {
                Log.LogErrorFromException(e);
            }

            return !Log.HasLoggedErrors;
        }

        /// <summary>Marks the version if it is there and unused; false after a warning.</summary>
        private bool MarkWeak(byte[] library)
        {
            const string version = "GLIBCXX_3.4.32";
            try
            {
                long flags = new ElfFile(library).FindUnusedNeed("libstdc++.so.6", version, "_ZSt21ios_base_library_initv");
                if (flags >= 0)
                {
                    library[flags] |= ElfFile.Weak;
                    Log.LogMessage(MessageImportance.Low, "{0}: version {1} is marked as weak in {2}.", Source, version, Patched);
                }

                return true;
            }
            catch (InvalidDataException e)
            {
                Warn("MIN0001", e.Message + " Delete the package's folder in the package cache and restore again." + OldSystems);
                return false;
            }
            catch (NotSupportedException e)
            {
                Warn("MIN0002", e.Message + " Run the program on a system with the libstdc++ of GCC 13.2 or later." + OldSystems);
                return false;
            }
        }

        /// <summary>Switches the JIT's optimisations off for the assembly; false after a warning.</summary>
        /// <remarks>
        /// Optimised code lets an object die after its last use, which is where its native handle is read and not where the native
        /// call ends. Unoptimised code keeps every argument and local variable to the end of the method.
        /// </remarks>
        private bool KeepAlive(byte[] assembly)
        {
            const string knownVersion = "0.107.0";
            const uint disableOptimizations = 0x101; // Default | DisableOptimizations: the runtime obeys the two together only
            const uint released = 0x002; // IgnoreSymbolStoreSequencePoints: what the compiler writes for an optimised assembly
            try
            {
                var file = new AssemblyFile(assembly);
                long place = file.FindDebuggingModes();
                uint modes = file.U32(place);
                if ((modes & disableOptimizations) == disableOptimizations)
                    return true;
                if (Version != knownVersion || modes != released)
                {
                    Warn("MIN0004", "TorchSharp " + Version + " with debugging modes 0x" + modes.ToString("x3") + " is not known to this step, which knows "
                        + knownVersion + " with 0x002. Use TorchSharp " + knownVersion + ", or a version of MultiInputNet made for yours." + RandomDeaths);
                    return false;
                }

                file.Write(place, modes | disableOptimizations);
                file.DropCertificate(); // of the unchanged file
                Log.LogMessage(MessageImportance.Low, "{0}: optimisations are switched off in {1}.", Source, Patched);
                return true;
            }
            catch (InvalidDataException e)
            {
                Warn("MIN0003", e.Message + " Delete the package's folder in the package cache and restore again." + RandomDeaths);
                return false;
            }
        }

        private const string OldSystems = " The library is used as it is, and older Linux systems may not load it.";

        private const string RandomDeaths = " The assembly is used as it is, and a program may crash at random: the garbage collector"
            + " may free numbers and tensors while native code reads them.";

        private void Warn(string code, string message)
        {
            Log.LogWarning(null, code, null, Source, 0, 0, 0, 0, "{0}", message
                + " (MultiInputNetPatchTorchSharp=false switches this step off.)");
        }

        /// <summary>Writes beside the file and renames, so that the file is never half written.</summary>
        private static void WriteWhole(string path, byte[] content)
        {
            string temporary = path + "." + Guid.NewGuid().ToString("N");
            try
            {
                File.WriteAllBytes(temporary, content);
                try
                {
                    File.Move(temporary, path);
                }
                catch (IOException) when (File.Exists(path))
                {
                    File.Replace(temporary, path, null);
                }
            }
            finally
            {
                File.Delete(temporary);
            }
        }
    }

    /// <summary>A file of little-endian numbers.</summary>
    /// <remarks>Every read is checked: a file that is not what it should be throws <see cref="InvalidDataException"/>.</remarks>
    internal abstract class BinaryFile
    {
        protected readonly byte[] file;

        protected BinaryFile(byte[] file)
        {
            this.file = file;
        }

        public int U16(long offset)
        {
            Within(offset, 2);
            return file[offset] | file[offset + 1] << 8;
        }

        public uint U32(long offset)
        {
            return (uint)U16(offset) | (uint)U16(offset + 2) << 16;
        }

        /// <summary>A number beyond what a long holds comes out negative, which no check lets through.</summary>
        public long U64(long offset)
        {
            return unchecked((long)(U32(offset) | (ulong)U32(offset + 4) << 32));
        }

        /// <summary>The text from <paramref name="start"/> to the zero that ends it, before <paramref name="end"/>.</summary>
        protected string Text(long start, long end)
        {
            Within(start, end - start);
            int zero = Array.IndexOf(file, (byte)0, (int)start, (int)(end - start));
            if (zero < 0)
                throw new InvalidDataException("The file has a name that does not end.");
            return Encoding.UTF8.GetString(file, (int)start, zero - (int)start);
        }

        protected long Within(long offset, long size)
        {
            if (offset < 0 || size < 0 || offset > file.Length - size)
                throw new InvalidDataException("The file is cut short or damaged.");
            return offset;
        }
    }

    /// <summary>As much of a 64-bit little-endian ELF file as says which versions it needs, and for what.</summary>
    internal sealed class ElfFile : BinaryFile
    {
        public const byte Weak = 2; // VER_FLG_WEAK: load the file even if the other library lacks this version

        private const uint RelocationsWithAddend = 4, Relocations = 9, DynamicSymbols = 11; // SHT_RELA, SHT_REL, SHT_DYNSYM
        private const uint NeededVersions = 0x6ffffffe, SymbolVersions = 0x6fffffff; // SHT_GNU_verneed, SHT_GNU_versym
        private const int SymbolSize = 24;

        private readonly Section[] sections;

        private sealed class Section
        {
            public uint Type, Link, Info;
            public long Offset, Size;
        }

        public ElfFile(byte[] file)
            : base(file)
        {
            const uint magic = 0x464c457f; // 0x7f, "ELF"
            const int headerSize = 64, sectionHeaderSize = 64;
            if (file.Length < headerSize || U32(0) != magic || file[4] != 2 || file[5] != 1)
                throw new InvalidDataException("The file is not a 64-bit little-endian ELF file.");
            if (U16(0x3a) != sectionHeaderSize || U16(0x3c) == 0)
                throw new InvalidDataException("The ELF file has no section headers.");

            long headers = U64(0x28);
            sections = new Section[U16(0x3c)];
            for (int i = 0; i < sections.Length; i++)
            {
                long at = Within(headers, (long)(i + 1) * sectionHeaderSize) + i * sectionHeaderSize;
                sections[i] = new Section
                {
                    Type = U32(at + 0x04),
                    Offset = U64(at + 0x18),
                    Size = U64(at + 0x20),
                    Link = U32(at + 0x28),
                    Info = U32(at + 0x2c),
                };
            }
        }

        /// <summary>The place of the flags of a needed version; -1 if the file does not need it or it is weak already.</summary>
        /// <exception cref="NotSupportedException">Another symbol than <paramref name="symbol"/> has the version, or the symbol is used.</exception>
        public long FindUnusedNeed(string library, string version, string symbol)
        {
            long need = FindNeed(library, version);
            if (need < 0 || (U16(need + 4) & Weak) != 0)
                return -1;

            int symbols = IndexOf(DynamicSymbols);
            long found = FindSymbol(U16(need + 6), version, symbols, symbol);
            if (found >= 0 && IsRelocated(found, symbols))
                throw new NotSupportedException("The library uses " + symbol + " of " + version + ".");
            return need + 4;
        }

        private long FindNeed(string library, string version)
        {
            int index = Array.FindIndex(sections, s => s.Type == NeededVersions);
            if (index < 0)
                return -1;

            Section needs = Checked(index);
            Section names = Checked(needs.Link);
            long at = needs.Offset;
            for (uint i = 0; i < needs.Info; i++)
            {
                bool isLibrary = Name(names, U32(at + 4)) == library;
                int count = U16(at + 2);
                long auxiliary = at + U32(at + 8);
                for (int k = 0; k < count; k++)
                {
                    if (isLibrary && Name(names, U32(auxiliary + 8)) == version)
                        return auxiliary;
                    auxiliary = Next(auxiliary, U32(auxiliary + 12), k == count - 1);
                }

                at = Next(at, U32(at + 12), i == needs.Info - 1);
            }

            return -1;
        }

        /// <summary>The index of the symbol that has the version, or -1 if none has; throws if another symbol has it.</summary>
        private long FindSymbol(int versionIndex, string version, int symbolsIndex, string expected)
        {
            Section symbols = Checked(symbolsIndex);
            Section names = Checked(symbols.Link);
            Section versions = Checked(IndexOf(SymbolVersions));
            if (versions.Link != symbolsIndex || versions.Size / 2 != symbols.Size / SymbolSize)
                throw new InvalidDataException("The ELF file's symbols and their versions do not match.");

            long found = -1;
            for (long i = 0; i < versions.Size / 2; i++)
            {
                const int hidden = 0x8000;
                if ((U16(versions.Offset + i * 2) & ~hidden) != versionIndex)
                    continue;
                string name = Name(names, U32(symbols.Offset + i * SymbolSize));
                if (name != expected)
                    throw new NotSupportedException("The library needs " + name + " of " + version + ".");
                found = i;
            }

            return found;
        }

        private bool IsRelocated(long symbol, int symbolsIndex)
        {
            for (int s = 0; s < sections.Length; s++)
            {
                bool withAddend = sections[s].Type == RelocationsWithAddend;
                if ((!withAddend && sections[s].Type != Relocations) || sections[s].Link != symbolsIndex)
                    continue;
                Section relocations = Checked(s);
                int size = withAddend ? 24 : 16;
                for (long at = 0; at + size <= relocations.Size; at += size)
                {
                    if (U32(relocations.Offset + at + 12) == symbol) // the upper half of r_info
                        return true;
                }
            }

            return false;
        }

        private int IndexOf(uint type)
        {
            int index = Array.FindIndex(sections, s => s.Type == type);
            return index >= 0 ? index : throw new InvalidDataException("The ELF file lacks its symbols or their versions.");
        }

        private Section Checked(long index)
        {
            if (index >= sections.Length)
                throw new InvalidDataException("The ELF file names a section that it does not have.");
            Within(sections[index].Offset, sections[index].Size);
            return sections[index];
        }

        /// <summary>The place of the next entry of a list; a list that ends too early is an error.</summary>
        private static long Next(long at, uint distance, bool last)
        {
            if (distance == 0 && !last)
                throw new InvalidDataException("The ELF file's list of needed versions ends too early.");
            return at + distance;
        }

        private string Name(Section names, uint offset)
        {
            return Text(names.Offset + offset, names.Offset + names.Size);
        }
    }

    /// <summary>As much of a .NET assembly as says whether the JIT optimises it (ECMA-335, partition II, 22 to 25).</summary>
    internal sealed class AssemblyFile : BinaryFile
    {
        private const int TypeRef = 1, MemberRef = 10, CustomAttribute = 12; // numbers of tables
        private const int CertificateDirectory = 4, RuntimeDirectory = 14;

        private readonly long directories, strings, stringsEnd, blobs;
        private readonly bool wideStrings, wideGuids, wideBlobs;
        private readonly uint[] rows = new uint[64];
        private readonly long[] tables = new long[CustomAttribute + 1];
        private readonly int[] rowSizes;

        public AssemblyFile(byte[] file)
            : base(file)
        {
            const int dosSignature = 0x5a4d, signature = 0x4550, metadataSignature = 0x424a5342; // "MZ", "PE", "BSJB"
            long header = U16(0) == dosSignature ? U32(0x3c) : throw NotAnAssembly();
            if (U32(header) != signature)
                throw NotAnAssembly();
            long optional = header + 24;
            directories = optional + (U16(optional) == 0x20b ? 112 : 96);
            long sections = optional + U16(header + 20);
            long runtime = Place(U32(directories + RuntimeDirectory * 8), sections, U16(header + 6));
            long metadata = Place(U32(runtime + 8), sections, U16(header + 6));
            if (U32(metadata) != metadataSignature)
                throw NotAnAssembly();

            long tableStream = 0;
            long stream = metadata + 16 + U32(metadata + 12);
            int streams = U16(stream + 2);
            stream += 4;
            for (int i = 0; i < streams; i++)
            {
                long start = metadata + U32(stream);
                long size = U32(stream + 4);
                Within(start, size);
                string name = Text(stream + 8, Math.Min(stream + 8 + 32, file.Length));
                if (name == "#~")
                    tableStream = start;
                else if (name == "#Strings")
                    (strings, stringsEnd) = (start, start + size);
                else if (name == "#Blob")
                    blobs = start;
                stream += 8 + (name.Length + 4) / 4 * 4;
            }

            if (tableStream == 0 || strings == 0 || blobs == 0)
                throw NotAnAssembly();

            int heapSizes = U16(tableStream + 6) & 0xff;
            (wideStrings, wideGuids, wideBlobs) = ((heapSizes & 1) != 0, (heapSizes & 2) != 0, (heapSizes & 4) != 0);
            long valid = U64(tableStream + 8);
            long at = tableStream + 24;
            for (int table = 0; table < rows.Length; table++)
            {
                if ((valid >> table & 1) == 0)
                    continue;
                rows[table] = U32(at);
                at += 4;
            }

            rowSizes = RowSizes();
            for (int table = 0; table <= CustomAttribute; table++)
            {
                tables[table] = at;
                at += rows[table] * (long)rowSizes[table];
            }

            Within(at, 0);
        }

        /// <summary>The place of the value of the assembly's DebuggableAttribute, four bytes.</summary>
        public long FindDebuggingModes()
        {
            const uint assembly = 1 << 5 | 14; // row 1 of the table of assemblies, as an attribute's owner
            for (uint i = 1; i <= rows[CustomAttribute]; i++)
            {
                long attribute = Row(CustomAttribute, i);
                if (Index(ref attribute, OwnerSize) != assembly || AttributeName(Index(ref attribute, ConstructorSize)) != "System.Diagnostics.DebuggableAttribute")
                    continue;
                long blob = blobs + Index(ref attribute, Size(wideBlobs));
                if (U16(blob) != 0x0108 || U16(blob + 1) != 0x0001 || U16(blob + 7) != 0) // 8 bytes: prolog, one int, no named arguments
                    break;
                return blob + 3;
            }

            throw new InvalidDataException("The assembly has no DebuggableAttribute with a number.");
        }

        public void Write(long place, uint value)
        {
            Within(place, 4);
            for (int i = 0; i < 4; i++)
                file[place + i] = (byte)(value >> 8 * i);
        }

        /// <summary>Takes the file's Authenticode signature off, which is that of other content.</summary>
        public void DropCertificate()
        {
            Write(directories + CertificateDirectory * 8, 0);
            Write(directories + CertificateDirectory * 8 + 4, 0);
        }

        /// <summary>The full name of an attribute of another assembly, by its constructor; empty for others.</summary>
        private string AttributeName(uint constructor)
        {
            const int memberRefTag = 3, typeRefTag = 1;
            if ((constructor & 7) != memberRefTag)
                return "";
            long member = Row(MemberRef, constructor >> 3);
            uint owner = Index(ref member, MemberOwnerSize);
            if ((owner & 7) != typeRefTag)
                return "";
            long type = Row(TypeRef, owner >> 3) + ScopeSize;
            string name = Name(Index(ref type, Size(wideStrings)));
            return Name(Index(ref type, Size(wideStrings))) + "." + name;
        }

        private int ScopeSize => Coded(2, 0, 26, 35, 1);

        private int MemberOwnerSize => Coded(3, 2, 1, 26, 6, 27);

        private int OwnerSize => Coded(5, 6, 4, 1, 2, 8, 9, 10, 0, 14, 23, 20, 17, 26, 27, 32, 35, 38, 39, 40, 42, 44, 43);

        private int ConstructorSize => Coded(3, 6, 10);

        /// <summary>The sizes of a row of the tables up to that of attributes, whose place follows from them.</summary>
        private int[] RowSizes()
        {
            int name = Size(wideStrings), guid = Size(wideGuids), blob = Size(wideBlobs);
            int type = Coded(2, 2, 1, 27), field = Coded(0, 4), method = Coded(0, 6), parameter = Coded(0, 8);
            return new[]
            {
                2 + name + 3 * guid, // Module
                ScopeSize + 2 * name, // TypeRef
                4 + 2 * name + type + field + method, // TypeDef
                field, // FieldPtr
                2 + name + blob, // Field
                method, // MethodPtr
                8 + name + blob + parameter, // MethodDef
                parameter, // ParamPtr
                4 + name, // Param
                Coded(0, 2) + type, // InterfaceImpl
                MemberOwnerSize + name + blob, // MemberRef
                2 + Coded(2, 4, 8, 23) + blob, // Constant
                OwnerSize + ConstructorSize + blob, // CustomAttribute
            };
        }

        /// <summary>The size of a number that names a table in its lowest bits and a row in the others.</summary>
        private int Coded(int bits, params int[] choices)
        {
            return Size(Array.Exists(choices, table => rows[table] >= 1u << 16 - bits));
        }

        private static int Size(bool wide)
        {
            return wide ? 4 : 2;
        }

        private uint Index(ref long at, int size)
        {
            at += size;
            return size == 4 ? U32(at - 4) : (uint)U16(at - 2);
        }

        private long Row(int table, uint row)
        {
            if (row == 0 || row > rows[table])
                throw new InvalidDataException("The assembly names a row that it does not have.");
            return tables[table] + (row - 1) * (long)rowSizes[table];
        }

        private string Name(uint offset)
        {
            return Text(strings + offset, stringsEnd);
        }

        /// <summary>The place in the file of an address in memory.</summary>
        private long Place(long address, long sections, int count)
        {
            for (long section = sections; count > 0; section += 40, count--)
            {
                long within = address - U32(section + 12);
                if (within >= 0 && within < U32(section + 16))
                    return U32(section + 20) + within;
            }

            throw NotAnAssembly();
        }

        private static InvalidDataException NotAnAssembly()
        {
            return new InvalidDataException("The file is not a .NET assembly.");
        }
    }
}
