namespace SpmdDbrx.Compute.Cpu;

/// <summary>A part of a mapped file; the file owns the memory.</summary>
internal sealed unsafe class MappedBuffer(MappedFile file, long byteOffset, long byteLength)
    : DeviceBuffer(file.Pointer + byteOffset, byteLength)
{
    public override void Dispose()
    {
    }
}
