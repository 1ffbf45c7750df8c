using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using SpmdDbrx.Compute;

namespace SpmdDbrx.Model.Synthetic;

/// <summary>Random weights as fast as memory takes them: element i depends on (key, i) only, so any part can be made by any thread.</summary>
/// <remarks>The generator is the 32-bit finaliser of MurmurHash3 over a counter; each 32-bit number gives two 16-bit values.
/// The same bits on every instruction set: only integer steps and one multiply-then-add, rounded in between.</remarks>
internal static class UniformFill
{
    /// <summary>Elements made at a time; parts begin at multiples of it.</summary>
    public const int BlockElements = 16;

    private const int WordsPerBlock = BlockElements / 2;

    /// <summary>Fills a part of a tensor.</summary>
    /// <param name="target">Bytes of the part; whole elements.</param>
    /// <param name="type">How elements are stored.</param>
    /// <param name="key">The tensor's key.</param>
    /// <param name="firstElement">Index of the part's first element in the tensor; a multiple of <see cref="BlockElements"/>.</param>
    /// <param name="mean">Mean of the values.</param>
    /// <param name="deviation">Standard deviation: values are uniform in mean ± √3 · deviation.</param>
    public static void Fill(Span<byte> target, ElementType type, ulong key, long firstElement, float mean, float deviation)
    {
        float step = deviation * MathF.Sqrt(3) / 32768;
        int blockBytes = (int)type.ByteCount(BlockElements);
        Span<byte> last = stackalloc byte[BlockElements * sizeof(float)];
        for (int start = 0; start < target.Length; start += blockBytes)
        {
            (Vector256<float> even, Vector256<float> odd) = Block(key, firstElement / 2, mean, step);
            firstElement += BlockElements;
            if (target.Length - start >= blockBytes)
            {
                Store(even, odd, type, target.Slice(start, blockBytes));
                continue;
            }
            Store(even, odd, type, last[..blockBytes]);
            last[..(target.Length - start)].CopyTo(target[start..]);
        }
    }

    private static (Vector256<float> Even, Vector256<float> Odd) Block(ulong key, long firstWord, float mean, float step)
    {
        // The upper half of a word's index goes into the key, so a tensor of more than 2^33 elements does not repeat.
        uint high = (uint)(firstWord >> 32) * 0x9E3779B1u;
        Vector256<uint> bits = Vector256.Create((uint)firstWord) + Vector256<uint>.Indices;
        bits = (bits * 0x9E3779B1u) ^ Vector256.Create((uint)key ^ high);
        bits = (bits ^ (bits >>> 16)) * 0x85EBCA6Bu;
        bits = ((bits ^ (bits >>> 13)) + Vector256.Create((uint)(key >> 32))) * 0xC2B2AE35u;
        bits ^= bits >>> 16;
        Vector256<int> signed = bits.AsInt32();
        return (Scale((signed << 16) >> 16, mean, step), Scale(signed >> 16, mean, step));
    }

    private static Vector256<float> Scale(Vector256<int> values, float mean, float step) =>
        (Vector256.ConvertToSingle(values) * step) + Vector256.Create(mean);

    private static void Store(Vector256<float> even, Vector256<float> odd, ElementType type, Span<byte> block)
    {
        if (type == ElementType.BFloat16)
        {
            Vector256<uint> words = (Round(even) >>> 16) | (Round(odd) & Vector256.Create(0xFFFF0000u));
            words.CopyTo(MemoryMarshal.Cast<byte, uint>(block));
            return;
        }
        for (int word = 0; word < WordsPerBlock; word++)
        {
            Put(block, type, 2 * word, even[word]);
            Put(block, type, (2 * word) + 1, odd[word]);
        }
    }

    /// <summary>Bits whose upper half is the value in bfloat16, to the nearest, ties to even.</summary>
    private static Vector256<uint> Round(Vector256<float> value)
    {
        Vector256<uint> bits = value.AsUInt32();
        return bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256<uint>.One);
    }

    private static void Put(Span<byte> block, ElementType type, int index, float value)
    {
        if (type == ElementType.Float32)
            MemoryMarshal.Cast<byte, float>(block)[index] = value;
        else
            MemoryMarshal.Cast<byte, Half>(block)[index] = (Half)value;
    }
}
