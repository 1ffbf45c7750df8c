namespace SpmdDbrx.Compute;

/// <summary>cos and sin of position · theta^(−2i/headDim), float32 [capacity, headDim / 2] each, for the rotate-half form of RoPE: pairs (i, i + headDim/2).</summary>
public sealed class RotaryTable : IDisposable
{
    /// <param name="device">Where the tables live.</param>
    /// <param name="headDim">Features of a head; even.</param>
    /// <param name="theta">Base of the frequencies (rope_theta).</param>
    /// <param name="capacity">Positions.</param>
    public RotaryTable(IDevice device, int headDim, double theta, int capacity)
    {
        int pairs = headDim / 2;
        Cosines = device.Allocate((long)capacity * pairs * sizeof(float));
        Sines = device.Allocate((long)capacity * pairs * sizeof(float));
        for (int position = 0; position < capacity; position++)
        {
            Span<float> cosines = Cosines.Span<float>((long)position * pairs * sizeof(float), pairs);
            Span<float> sines = Sines.Span<float>((long)position * pairs * sizeof(float), pairs);
            for (int pair = 0; pair < pairs; pair++)
            {
                // The reference rounds frequency and angle to float32 before cos and sin.
                float frequency = 1f / (float)Math.Pow(theta, 2.0 * pair / headDim);
                float angle = position * frequency;
                (double sine, double cosine) = Math.SinCos(angle);
                cosines[pair] = (float)cosine;
                sines[pair] = (float)sine;
            }
        }
    }

    /// <summary>[capacity, headDim / 2].</summary>
    public DeviceBuffer Cosines { get; }

    /// <summary>[capacity, headDim / 2].</summary>
    public DeviceBuffer Sines { get; }

    public void Dispose()
    {
        Cosines.Dispose();
        Sines.Dispose();
    }
}
