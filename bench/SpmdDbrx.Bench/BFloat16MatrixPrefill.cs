using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>The same projection on tokens rounded to bfloat16: on dot-product instructions where the processor has them.</summary>
public class BFloat16MatrixPrefill : MatrixPrefill
{
    protected override PrefillPrecision Prefill => PrefillPrecision.BFloat16;
}
