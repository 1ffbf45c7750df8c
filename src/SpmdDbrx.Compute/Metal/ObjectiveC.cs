using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Metal;

/// <summary>The entry points of Apple's Objective-C runtime and of Metal. On Linux the emulator exports the same names.</summary>
/// <remarks>Loaded by path and called through pointers: an assembly has only one DllImport resolver, and other libraries may need it.</remarks>
internal static unsafe class ObjectiveC
{
    private static readonly nint runtime = Load("/usr/lib/libobjc.A.dylib");
    private static readonly nint metal = Load("/System/Library/Frameworks/Metal.framework/Metal");

    private static readonly delegate* unmanaged<byte*, nint> registerSelector =
        (delegate* unmanaged<byte*, nint>)NativeLibrary.GetExport(runtime, "sel_registerName");

    private static readonly delegate* unmanaged<byte*, nint> getClass =
        (delegate* unmanaged<byte*, nint>)NativeLibrary.GetExport(runtime, "objc_getClass");

    private static readonly delegate* unmanaged<nint> pushPool =
        (delegate* unmanaged<nint>)NativeLibrary.GetExport(runtime, "objc_autoreleasePoolPush");

    private static readonly delegate* unmanaged<nint, void> popPool =
        (delegate* unmanaged<nint, void>)NativeLibrary.GetExport(runtime, "objc_autoreleasePoolPop");

    /// <summary>objc_msgSend; <see cref="Message"/> gives it types.</summary>
    public static readonly nint MessageSend = NativeLibrary.GetExport(runtime, "objc_msgSend");

    /// <summary>The library that exports Metal: on Linux also the emulator's own controls.</summary>
    public static nint MetalLibrary => metal;

    /// <summary>The unique pointer of a selector's name.</summary>
    public static nint Selector(string name)
    {
        fixed (byte* bytes = Utf8(name))
            return registerSelector(bytes);
    }

    /// <summary>A class, or 0.</summary>
    public static nint Class(string name)
    {
        fixed (byte* bytes = Utf8(name))
            return getClass(bytes);
    }

    public static nint PushAutoreleasePool() => pushPool();

    public static void PopAutoreleasePool(nint pool) => popPool(pool);

    /// <summary>The GPU, or 0.</summary>
    public static nint SystemDefaultDevice() =>
        ((delegate* unmanaged<nint>)NativeLibrary.GetExport(metal, "MTLCreateSystemDefaultDevice"))();

    private static byte[] Utf8(string text) => System.Text.Encoding.UTF8.GetBytes(text + '\0');

    private static nint Load(string framework)
    {
        if (!OperatingSystem.IsMacOS())
            return NativeLibrary.Load(MetalRuntimeLocator.RequireEmulator());
        // Without CoreGraphics a command-line program gets no device.
        NativeLibrary.Load("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics");
        return NativeLibrary.Load(framework);
    }
}
