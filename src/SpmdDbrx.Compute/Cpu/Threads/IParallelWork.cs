namespace SpmdDbrx.Compute.Cpu;

/// <summary>Work cut into independent items. It must not keep state that depends on which thread runs an item, so that results do not either.</summary>
internal interface IParallelWork
{
    /// <summary>Runs one item.</summary>
    /// <param name="item">0 … item count − 1.</param>
    /// <param name="thread">Who runs it, 0 … thread count − 1, to choose scratch memory.</param>
    void Run(int item, int thread);
}
