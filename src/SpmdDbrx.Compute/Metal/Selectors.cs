namespace SpmdDbrx.Compute.Metal;

/// <summary>Every selector the host sends, registered once.</summary>
internal static class Selectors
{
    public static readonly nint New = ObjectiveC.Selector("new");
    public static readonly nint Retain = ObjectiveC.Selector("retain");
    public static readonly nint Release = ObjectiveC.Selector("release");
    public static readonly nint RespondsToSelector = ObjectiveC.Selector("respondsToSelector:");
    public static readonly nint StringWithUtf8String = ObjectiveC.Selector("stringWithUTF8String:");
    public static readonly nint Utf8String = ObjectiveC.Selector("UTF8String");
    public static readonly nint LocalizedDescription = ObjectiveC.Selector("localizedDescription");

    public static readonly nint Name = ObjectiveC.Selector("name");
    public static readonly nint MaxBufferLength = ObjectiveC.Selector("maxBufferLength");
    public static readonly nint RecommendedMaxWorkingSetSize = ObjectiveC.Selector("recommendedMaxWorkingSetSize");
    public static readonly nint SupportsFamily = ObjectiveC.Selector("supportsFamily:");
    public static readonly nint NewCommandQueue = ObjectiveC.Selector("newCommandQueue");
    public static readonly nint NewSharedEvent = ObjectiveC.Selector("newSharedEvent");
    public static readonly nint NewBufferWithLength = ObjectiveC.Selector("newBufferWithLength:options:");
    public static readonly nint NewBufferWithBytesNoCopy = ObjectiveC.Selector("newBufferWithBytesNoCopy:length:options:deallocator:");
    public static readonly nint NewLibraryWithSource = ObjectiveC.Selector("newLibraryWithSource:options:error:");
    public static readonly nint SetFastMathEnabled = ObjectiveC.Selector("setFastMathEnabled:");
    public static readonly nint SetLanguageVersion = ObjectiveC.Selector("setLanguageVersion:");
    public static readonly nint NewFunctionWithName = ObjectiveC.Selector("newFunctionWithName:");
    public static readonly nint NewComputePipelineState = ObjectiveC.Selector("newComputePipelineStateWithFunction:error:");
    public static readonly nint MaxTotalThreadsPerThreadgroup = ObjectiveC.Selector("maxTotalThreadsPerThreadgroup");
    public static readonly nint ThreadExecutionWidth = ObjectiveC.Selector("threadExecutionWidth");
    public static readonly nint Contents = ObjectiveC.Selector("contents");
    public static readonly nint SignaledValue = ObjectiveC.Selector("signaledValue");

    public static readonly nint CommandBuffer = ObjectiveC.Selector("commandBufferWithUnretainedReferences");
    public static readonly nint ComputeCommandEncoder = ObjectiveC.Selector("computeCommandEncoderWithDispatchType:");
    public static readonly nint SetComputePipelineState = ObjectiveC.Selector("setComputePipelineState:");
    public static readonly nint SetBuffer = ObjectiveC.Selector("setBuffer:offset:atIndex:");
    public static readonly nint SetBytes = ObjectiveC.Selector("setBytes:length:atIndex:");
    public static readonly nint SetThreadgroupMemoryLength = ObjectiveC.Selector("setThreadgroupMemoryLength:atIndex:");
    public static readonly nint MemoryBarrierWithScope = ObjectiveC.Selector("memoryBarrierWithScope:");
    public static readonly nint DispatchThreadgroups = ObjectiveC.Selector("dispatchThreadgroups:threadsPerThreadgroup:");
    public static readonly nint EndEncoding = ObjectiveC.Selector("endEncoding");
    public static readonly nint EncodeSignalEvent = ObjectiveC.Selector("encodeSignalEvent:value:");
    public static readonly nint Commit = ObjectiveC.Selector("commit");
    public static readonly nint Status = ObjectiveC.Selector("status");
    public static readonly nint Error = ObjectiveC.Selector("error");

    public static readonly nint NewResidencySet = ObjectiveC.Selector("newResidencySetWithDescriptor:error:");
    public static readonly nint AddAllocation = ObjectiveC.Selector("addAllocation:");
    public static readonly nint RemoveAllocation = ObjectiveC.Selector("removeAllocation:");
    public static readonly nint AddResidencySet = ObjectiveC.Selector("addResidencySet:");
    public static readonly nint RequestResidency = ObjectiveC.Selector("requestResidency");
    public static readonly nint EndResidency = ObjectiveC.Selector("endResidency");
}
