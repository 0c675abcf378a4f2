using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace MultiInputNet;

/// <summary>What Linux knows about a file but .NET does not expose: whether it is a regular file, and its owner.</summary>
internal sealed class LinuxFile
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const int KindMask = 0xF000; // S_IFMT
    private const int Regular = 0x8000; // S_IFREG

    private readonly uint user;
    private readonly uint group;

    private LinuxFile(ReadOnlySpan<byte> status)
    {
        user = BinaryPrimitives.ReadUInt32LittleEndian(status[20..]);
        group = BinaryPrimitives.ReadUInt32LittleEndian(status[24..]);
        IsRegular = (BinaryPrimitives.ReadUInt16LittleEndian(status[28..]) & KindMask) == Regular;
    }

    /// <summary>Whether it is neither a folder, a device, a pipe nor a socket.</summary>
    public bool IsRegular { get; }

    /// <summary>Asks about a file, or the target of a link; null if it does not exist, or on other systems.</summary>
    public static LinuxFile? Find(string path)
    {
        if (!OperatingSystem.IsLinux() || !BitConverter.IsLittleEndian)
            return null;

        // The layout of statx is the same for every processor, unlike that of stat.
        var status = new byte[256];
        const uint TypeAndOwner = 0x1 | 0x8 | 0x10;
        return GetStatus(CurrentFolder, [.. Encoding.UTF8.GetBytes(path), 0], 0, TypeAndOwner, status) == 0 ? new(status) : null;
    }

    /// <summary>Gives another file the owner and the group of this one, as far as the process may.</summary>
    public void GiveOwner(SafeFileHandle file)
    {
        if (ChangeOwner(file, user, group) != 0)
            _ = ChangeOwner(file, uint.MaxValue, group);
    }

    [DllImport("libc", EntryPoint = "statx")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetStatus(int folder, byte[] path, int flags, uint mask, [Out] byte[] status);

    [DllImport("libc", EntryPoint = "fchown")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeOwner(SafeFileHandle file, uint user, uint group);
}
