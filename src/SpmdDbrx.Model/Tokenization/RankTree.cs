using System.Numerics;

namespace SpmdDbrx.Model.Tokenization;

/// <summary>
/// Ranks by position with the lowest at hand: a binary tree in an array, every node the minimum of its two children.
/// Setting a rank and finding the first lowest take O(log n), and neighbours lie together in memory, which a heap's do not.
/// </summary>
internal sealed class RankTree
{
    /// <summary>The rank of a position that has none.</summary>
    public const int None = int.MaxValue;

    private readonly int[] minimum;
    private readonly int leaves;

    /// <param name="count">Positions; none has a rank yet.</param>
    public RankTree(int count)
    {
        leaves = checked((int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(count, 1)));
        minimum = new int[2 * leaves];
        Array.Fill(minimum, None);
    }

    /// <summary>Sets the rank of a position.</summary>
    public int this[int position]
    {
        set
        {
            int node = leaves + position;
            minimum[node] = value;
            while (node > 1)
            {
                int lowest = Math.Min(minimum[node], minimum[node ^ 1]);
                node >>= 1;
                if (minimum[node] == lowest)
                    break;
                minimum[node] = lowest;
            }
        }
    }

    /// <summary>The first position of those with the lowest rank; false if none has a rank.</summary>
    public bool TryFindFirstLowest(out int position)
    {
        int node = 1;
        while (node < leaves)
        {
            node *= 2;
            if (minimum[node] != minimum[1])
                node++;
        }
        position = node - leaves;
        return minimum[1] != None;
    }
}
