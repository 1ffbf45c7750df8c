namespace SpmdDbrx.Compute.Metal;

/// <summary>Frees what Metal autoreleased inside a <c>using</c> block.</summary>
internal readonly ref struct AutoreleasePool
{
    private readonly nint pool;

    private AutoreleasePool(nint pool) => this.pool = pool;

    public static AutoreleasePool Begin() => new(ObjectiveC.PushAutoreleasePool());

    public void Dispose() => ObjectiveC.PopAutoreleasePool(pool);
}
