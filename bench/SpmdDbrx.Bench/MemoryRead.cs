using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>Where weights lie and what the system is told about it (madvise): does any of it make reading them faster?</summary>
public partial class MemoryRead : KernelBenchmark
{
    private const int Bytes = 512 << 20;

    private DeviceBuffer buffer = null!, ceiling = null!;

    /// <summary>Pages of a file as writing left them, or as they were read back from disk after advice; or memory of the process.</summary>
    public enum Kind
    {
        FileWritten,
        FileNormal,
        FileRandom,
        FileSequential,
        FileWillNeed,
        FileHugePages,
        SmallPages,
        HugePages,
    }

    [ParamsAllValues]
    public Kind Memory { get; set; }

    protected override string Variant => Memory.ToString();

    [Benchmark]
    public float Read() => Device.Touch(buffer);

    protected override void Prepare()
    {
        ceiling = Weights(Bytes);
        if (Memory == Kind.HugePages)
            buffer = Weights(Bytes);
        else if (Memory == Kind.SmallPages)
            buffer = SmallPages();
        else
            buffer = FilePages();
    }

    protected override double Ceiling() => Probe.ReadBytesPerSecond(ceiling);

    protected override double WorkOfCall() => Bytes;

    /// <summary>Memory of the process without huge pages.</summary>
    private DeviceBuffer SmallPages()
    {
        DeviceBuffer pages = Own(Device.Allocate(Bytes));
        Advise(pages, Advice.NoHugePage);
        pages.Span<byte>(0, Bytes).Fill(1);
        return pages;
    }

    /// <summary>A mapped file; the warm-up reads it in.</summary>
    private DeviceBuffer FilePages()
    {
        string path = Path.Combine(Path.GetTempPath(), $"spmd-memory-read-{Environment.ProcessId}");
        byte[] part = new byte[8 << 20]; // as prestack writes
        Array.Fill(part, (byte)1);
        using (FileStream stream = File.Create(path))
        {
            for (int written = 0; written < Bytes; written += part.Length)
                stream.Write(part);
            stream.Flush(flushToDisk: true); // nothing is written while it is read
            if (Memory != Kind.FileWritten)
                PageCache.Drop(stream.SafeFileHandle);
        }
        MappedFile file = Own(MappedFile.Open(path));
        File.Delete(path);
        DeviceBuffer pages = Own(Device.Wrap(file, 0, Bytes));
        if (Memory != Kind.FileWritten)
        {
            Advise(pages, Memory switch
            {
                Kind.FileRandom => Advice.Random,
                Kind.FileSequential => Advice.Sequential,
                Kind.FileWillNeed => Advice.WillNeed,
                Kind.FileHugePages => Advice.HugePage,
                _ => Advice.Normal,
            });
        }
        return pages;
    }

    private static unsafe void Advise(DeviceBuffer pages, Advice advice)
    {
        if (MemoryAdvise(pages.Pointer, (nuint)pages.ByteLength, (int)advice) != 0)
            Console.WriteLine($"// madvise {advice}: refused, errno {Marshal.GetLastPInvokeError()}");
    }

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static unsafe partial int MemoryAdvise(byte* address, nuint length, int advice);

    /// <summary>Linux's numbers.</summary>
    private enum Advice
    {
        Normal = 0,
        Random = 1,
        Sequential = 2,
        WillNeed = 3,
        HugePage = 14,
        NoHugePage = 15,
    }
}
