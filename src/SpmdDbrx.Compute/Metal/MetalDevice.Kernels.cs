namespace SpmdDbrx.Compute.Metal;

// The kernels and intermediate buffers of all operations.
public sealed unsafe partial class MetalDevice
{
    private void CreateKernels()
    {
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            string suffix = WeightKernels.Suffix(type);
            embed[(int)type] = library.Kernel($"embed_{suffix}");
            layerNorm[(int)type] = library.Kernel($"layer_norm_{suffix}");
            rmsNorm[(int)type] = library.Kernel($"rms_norm_{suffix}");
        }
        add = library.Kernel("add");
        sumGroups = library.Kernel("sum_groups");
        standbySum = library.Kernel("standby_sum");
        route = library.Kernel("route");
        productRows1 = new WeightKernels(library, "product_rows1");
        productRows4 = new WeightKernels(library, "product_rows4");
        productSplit = new WeightKernels(library, "product_split");
        productTiled = new WeightKernels(library, "product_tiled");
        expertUp = new WeightKernels(library, "expert_up");
        expertDown = new WeightKernels(library, "expert_down");
        expertUpTiled = new WeightKernels(library, "expert_up_tiled");
        expertDownTiled = new WeightKernels(library, "expert_down_tiled");
        combineExperts = library.Kernel("combine_experts");
        rotateStore = library.Kernel("rotate_store");
        attendMerge = library.Kernel("attend_merge");
        for (int i = 0; i < 4; i++)
        {
            attendRows[i] = library.Kernel($"attend_rows{1 << i}");
            attendBlocks[i] = library.Kernel($"attend_blocks{1 << i}");
            attendPrefill[i] = library.Kernel($"attend_prefill{4 << i}");
        }
        expertHidden = new ScratchBuffer(this);
        expertResults = new ScratchBuffer(this);
        attentionPartials = new ScratchBuffer(this);
    }

    private void TrimScratch()
    {
        expertHidden.Trim();
        expertResults.Trim();
        attentionPartials.Trim();
    }

    private void DisposeScratch()
    {
        expertHidden.Dispose();
        expertResults.Dispose();
        attentionPartials.Dispose();
    }
}
