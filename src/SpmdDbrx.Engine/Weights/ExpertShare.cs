namespace SpmdDbrx.Engine.Weights;

/// <summary>What one rank holds of every layer's experts: whole experts, or a slice of each one's hidden units.</summary>
/// <param name="Experts">Experts held, ascending.</param>
/// <param name="SliceIndex">Which slice of each expert's F hidden units; 0 with whole experts.</param>
/// <param name="SliceCount">Slices an expert is cut into; 1 = whole experts.</param>
public sealed record ExpertShare(IReadOnlyList<int> Experts, int SliceIndex = 0, int SliceCount = 1)
{
    /// <summary>The hidden units of this share: first row and number of rows of w1, v1 and w2.</summary>
    /// <param name="expertHiddenDim">F.</param>
    public (int Start, int Count) Rows(int expertHiddenDim)
    {
        int start = (int)((long)expertHiddenDim * SliceIndex / SliceCount);
        int end = (int)((long)expertHiddenDim * (SliceIndex + 1) / SliceCount);
        return (start, end - start);
    }
}
