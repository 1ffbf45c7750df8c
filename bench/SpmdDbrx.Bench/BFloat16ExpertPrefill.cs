using SpmdDbrx.Compute;

namespace SpmdDbrx.Bench;

/// <summary>The same experts on tokens rounded to bfloat16: on dot-product instructions where the processor has them.</summary>
public class BFloat16ExpertPrefill : ExpertPrefill
{
    protected override PrefillPrecision Prefill => PrefillPrecision.BFloat16;
}
