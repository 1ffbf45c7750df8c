namespace SpmdDbrx.Compute.Cpu;

/// <summary>How activations and weights of matrix-matrix products are held, and the tile that multiplies them.</summary>
/// <remarks>Both are held in cells of four bytes along the depth of a product: one float32 feature a cell, or a pair of bfloat16 features.</remarks>
internal unsafe interface ITileFormat
{
    /// <summary>Features that one cell holds.</summary>
    static abstract int FeaturesPerCell { get; }

    /// <summary>Cells that <paramref name="features"/> take, padding included.</summary>
    static abstract int Cells(int features);

    /// <summary>Fills one panel with tokens; zeros on unused lanes and cells.</summary>
    /// <param name="source">All rows.</param>
    /// <param name="indices">Row of <paramref name="source"/> that each token of <paramref name="panels"/> reads; null = the token's own.</param>
    /// <param name="panels">A row a cell.</param>
    /// <param name="panel">Panel to fill.</param>
    static abstract void Pack(RowPointer source, int* indices, Panels panels, int panel);

    /// <summary>Packs features that already stand on the lanes: target [cells, lanes] from values [features, lanes].</summary>
    static abstract void PackLanes(float* values, int features, float* target);

    /// <summary>target[row][cell] from weights whose rows are the output's, [rows, columns].</summary>
    /// <param name="first">First weight of the block.</param>
    /// <param name="rowBytes">Bytes from a row to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="target">[rows, stride].</param>
    /// <param name="stride">Cells of a target row; those behind the columns become zero.</param>
    static abstract void LoadRows(byte* first, nint rowBytes, int rows, int columns, float* target, int stride);

    /// <summary>target[cell][column] from weights whose columns are the output's rows, [rows, columns].</summary>
    /// <param name="first">First weight of the block.</param>
    /// <param name="rowBytes">Bytes from a row to the next.</param>
    /// <param name="rows">Rows, along the depth of the product.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="target">[cells of the rows, stride].</param>
    /// <param name="stride">Floats of a target row; those behind the columns become zero.</param>
    static abstract void LoadColumns(byte* first, nint rowBytes, int rows, int columns, float* target, int stride);

    /// <summary>target[t][column + j] = the sum that column j of <see cref="LoadColumns"/> gave, for the panel's tokens.</summary>
    static abstract void UnpackColumns(Panels sums, int panel, int columns, RowPointer target, int column);

    /// <summary>c[row][lane] += Σ a[row · rowStride + k · depthStride] · b[k][lane] over <paramref name="depth"/> cells k; see <see cref="Tile{TVector}.Add"/>.</summary>
    static abstract void Add(float* a, nint rowStride, nint depthStride, float* b, int depth, float* c, int tokens);
}
