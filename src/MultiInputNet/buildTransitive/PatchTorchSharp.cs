using System;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

// Compiled by MSBuild while it builds, so: C# 7.3, .NET Standard 2.0, one file.
namespace MultiInputNet.Build
{
    /// <summary>Copies TorchSharp's native library, changed so that it loads with an older libstdc++ if it needs that.</summary>
    public sealed class PatchTorchSharp : Task
    {
        /// <summary>The library in the package, which is only read.</summary>
        [Required]
        public string Source { get; set; }

        /// <summary>Where the copy goes.</summary>
        [Required]
        public string Patched { get; set; }

        public override bool Execute()
        {
            try
            {
                byte[] library = File.ReadAllBytes(Source);
                bool understood = MarkWeak(library);
                Directory.CreateDirectory(Path.GetDirectoryName(Patched));
                WriteWhole(Patched, library);
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
                Warn("MIN0001", e.Message + " Delete the package's folder in the package cache and restore again.");
                return false;
            }
            catch (NotSupportedException e)
            {
                Warn("MIN0002", e.Message + " Run the program on a system with the libstdc++ of GCC 13.2 or later.");
                return false;
            }
        }

        private void Warn(string code, string message)
        {
            Log.LogWarning(null, code, null, Source, 0, 0, 0, 0, "{0}", message
                + " The library is used as it is, and older Linux systems may not load it."
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

    /// <summary>As much of a 64-bit little-endian ELF file as says which versions it needs, and for what.</summary>
    /// <remarks>Every read is checked: a file that is not what it should be throws <see cref="InvalidDataException"/>.</remarks>
    internal sealed class ElfFile
    {
        public const byte Weak = 2; // VER_FLG_WEAK: load the file even if the other library lacks this version

        private const uint RelocationsWithAddend = 4, Relocations = 9, DynamicSymbols = 11; // SHT_RELA, SHT_REL, SHT_DYNSYM
        private const uint NeededVersions = 0x6ffffffe, SymbolVersions = 0x6fffffff; // SHT_GNU_verneed, SHT_GNU_versym
        private const int SymbolSize = 24;

        private readonly byte[] file;
        private readonly Section[] sections;

        private sealed class Section
        {
            public uint Type, Link, Info;
            public long Offset, Size;
        }

        public ElfFile(byte[] file)
        {
            this.file = file;
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
            long start = names.Offset + offset;
            long end = start;
            while (end < names.Offset + names.Size && file[end] != 0)
                end++;
            if (end >= names.Offset + names.Size)
                throw new InvalidDataException("The ELF file has a name that does not end.");
            return Encoding.ASCII.GetString(file, (int)start, (int)(end - start));
        }

        private long Within(long offset, long size)
        {
            if (offset < 0 || size < 0 || offset > file.Length - size)
                throw new InvalidDataException("The ELF file is cut short or damaged.");
            return offset;
        }

        private int U16(long offset)
        {
            Within(offset, 2);
            return file[offset] | file[offset + 1] << 8;
        }

        private uint U32(long offset)
        {
            return (uint)U16(offset) | (uint)U16(offset + 2) << 16;
        }

        /// <summary>A number beyond what a long holds comes out negative, which no check lets through.</summary>
        private long U64(long offset)
        {
            return unchecked((long)(U32(offset) | (ulong)U32(offset + 4) << 32));
        }
    }
}
