namespace SpmdDbrx.Compute.Cpu;

/// <summary>Nothing but bfloat16 dot products: the arithmetic ceiling of a core that has them. An item is one run of them.</summary>
internal unsafe struct DotProductChains(double* flop) : IParallelWork
{
    private const long Rounds = 200_000;

    public readonly void Run(int item, int thread) => flop[item] = NativeKernels.OfProcessor!.RunChains(Rounds);
}
