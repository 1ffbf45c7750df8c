using System.Runtime.InteropServices;

namespace SpmdDbrx.Compute.Metal;

/// <summary>objc_msgSend with the argument lists this host uses: a wrong list does not compile.</summary>
internal static unsafe class Message
{
    public static nint Object(nint receiver, nint selector) =>
        ((delegate* unmanaged<nint, nint, nint>)ObjectiveC.MessageSend)(receiver, selector);

    public static nint Object(nint receiver, nint selector, nint argument) =>
        ((delegate* unmanaged<nint, nint, nint, nint>)ObjectiveC.MessageSend)(receiver, selector, argument);

    public static nint Object(nint receiver, nint selector, nuint first, nuint second) =>
        ((delegate* unmanaged<nint, nint, nuint, nuint, nint>)ObjectiveC.MessageSend)(receiver, selector, first, second);

    public static nint Object(nint receiver, nint selector, nint argument, out nint error)
    {
        nint reported = 0;
        nint result = ((delegate* unmanaged<nint, nint, nint, nint*, nint>)ObjectiveC.MessageSend)(receiver, selector, argument, &reported);
        error = reported;
        return result;
    }

    public static nint Object(nint receiver, nint selector, nint first, nint second, out nint error)
    {
        nint reported = 0;
        nint result = ((delegate* unmanaged<nint, nint, nint, nint, nint*, nint>)ObjectiveC.MessageSend)(receiver, selector, first, second, &reported);
        error = reported;
        return result;
    }

    public static nint Object(nint receiver, nint selector, byte* bytes) =>
        ((delegate* unmanaged<nint, nint, byte*, nint>)ObjectiveC.MessageSend)(receiver, selector, bytes);

    public static nint Object(nint receiver, nint selector, byte* bytes, nuint length, nuint options, nint block) =>
        ((delegate* unmanaged<nint, nint, byte*, nuint, nuint, nint, nint>)ObjectiveC.MessageSend)(receiver, selector, bytes, length, options, block);

    public static void Void(nint receiver, nint selector) =>
        ((delegate* unmanaged<nint, nint, void>)ObjectiveC.MessageSend)(receiver, selector);

    public static void Void(nint receiver, nint selector, nint argument) =>
        ((delegate* unmanaged<nint, nint, nint, void>)ObjectiveC.MessageSend)(receiver, selector, argument);

    public static void Void(nint receiver, nint selector, nuint argument) =>
        ((delegate* unmanaged<nint, nint, nuint, void>)ObjectiveC.MessageSend)(receiver, selector, argument);

    public static void Void(nint receiver, nint selector, byte argument) =>
        ((delegate* unmanaged<nint, nint, byte, void>)ObjectiveC.MessageSend)(receiver, selector, argument);

    public static void Void(nint receiver, nint selector, nuint first, nuint second) =>
        ((delegate* unmanaged<nint, nint, nuint, nuint, void>)ObjectiveC.MessageSend)(receiver, selector, first, second);

    public static void Void(nint receiver, nint selector, nint argument, ulong value) =>
        ((delegate* unmanaged<nint, nint, nint, ulong, void>)ObjectiveC.MessageSend)(receiver, selector, argument, value);

    public static void Void(nint receiver, nint selector, nint buffer, nuint offset, nuint index) =>
        ((delegate* unmanaged<nint, nint, nint, nuint, nuint, void>)ObjectiveC.MessageSend)(receiver, selector, buffer, offset, index);

    public static void Void(nint receiver, nint selector, void* bytes, nuint length, nuint index) =>
        ((delegate* unmanaged<nint, nint, void*, nuint, nuint, void>)ObjectiveC.MessageSend)(receiver, selector, bytes, length, index);

    public static void Void(nint receiver, nint selector, MetalSize first, MetalSize second) =>
        ((delegate* unmanaged<nint, nint, MetalSize, MetalSize, void>)ObjectiveC.MessageSend)(receiver, selector, first, second);

    public static ulong UInt64(nint receiver, nint selector) =>
        ((delegate* unmanaged<nint, nint, ulong>)ObjectiveC.MessageSend)(receiver, selector);

    public static bool Boolean(nint receiver, nint selector, nint argument) =>
        ((delegate* unmanaged<nint, nint, nint, byte>)ObjectiveC.MessageSend)(receiver, selector, argument) != 0;

    /// <summary>An autoreleased NSString; call inside an <see cref="AutoreleasePool"/>.</summary>
    public static nint String(string text)
    {
        fixed (byte* bytes = System.Text.Encoding.UTF8.GetBytes(text + '\0'))
            return Object(ObjectiveC.Class("NSString"), Selectors.StringWithUtf8String, bytes);
    }

    /// <summary>The text of a property that is an NSString.</summary>
    public static string Text(nint receiver, nint selector) =>
        Marshal.PtrToStringUTF8(Object(Object(receiver, selector), Selectors.Utf8String)) ?? "";
}
