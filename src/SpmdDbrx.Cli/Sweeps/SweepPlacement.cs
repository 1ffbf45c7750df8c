using SpmdDbrx.Engine.Placement;
using SpmdDbrx.Model;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>The placements of a sweep's cells, made once and written to files that jobs read.</summary>
/// <param name="config">The model's sizes.</param>
/// <param name="work">Folder of the files.</param>
internal sealed class SweepPlacement(ModelConfig config, string work)
{
    /// <summary>Each expert once, in order.</summary>
    public const string Contiguous = "contiguous";

    private const string Ring = "ring";
    private const string Best = "best";
    private const int Seed = 1;

    private readonly RoutingDistribution uniform = RoutingDistribution.Uniform(config.ExpertCount, config.TopK, RoutingDistribution.SearchLimit, Seed);
    private readonly Dictionary<(string Kind, int Nodes, int? ExpertsPerNode), ExpertPlacement> made = [];

    /// <summary>What a sweep file may ask for.</summary>
    public static string[] Kinds { get; } = [Contiguous, Ring, Best];

    /// <summary>Where a cell's experts are; null for slices, which are everywhere.</summary>
    /// <exception cref="Engine.InvalidInputException">The nodes cannot hold the experts.</exception>
    public ExpertPlacement? Of(SweepCell cell)
    {
        if (cell.System.Placement is not { } kind)
            return null;
        (string, int, int?) key = (kind, cell.Nodes, cell.System.ExpertsPerNode);
        if (!made.TryGetValue(key, out ExpertPlacement? placement))
            made.Add(key, placement = Make(kind, cell.Nodes, cell.System.ExpertsPerNode));
        return placement;
    }

    /// <summary>The file of a cell's placement, written if need be; null for slices.</summary>
    public string? FileOf(SweepCell cell)
    {
        if (Of(cell) is not { } placement)
            return null;
        string file = Path.Combine(work, $"{cell.System.Placement}-{cell.Nodes}-nodes-{ExpertPlacementFile.Fingerprint(placement)}.json");
        if (!File.Exists(file))
        {
            Directory.CreateDirectory(work);
            using PendingFile pending = new(file);
            ExpertPlacementFile.Write(pending.Stream, placement, uniform, cell.System.Placement!);
            pending.Complete();
        }
        return file;
    }

    /// <summary>Experts that the busiest node is expected to run in a layer for one token, if all selections are equally likely; of slices, all selected ones.</summary>
    public double ExpectedExperts(SweepCell cell) =>
        Of(cell) is not { } placement ? config.TopK
        : cell.System.RunsAllLocalExperts ? Enumerable.Range(0, cell.Nodes).Max(node => placement.ExpertsOf(node).Length)
        : ExpectedMaxLoad.Of(placement, uniform).Mean;

    /// <summary>Per node the numbers of the experts whose files it needs.</summary>
    public IEnumerable<string> ExpertLists(SweepCell cell)
    {
        ExpertPlacement? placement = Of(cell);
        int[] all = [.. Enumerable.Range(0, config.ExpertCount)];
        return Enumerable.Range(0, cell.Nodes).Select(node => string.Join(',', placement is null ? all : placement.ExpertsOf(node).ToArray()));
    }

    private ExpertPlacement Make(string kind, int nodes, int? expertsPerNode)
    {
        int[] slots = [.. Enumerable.Repeat(expertsPerNode ?? config.ExpertCount, nodes)];
        return kind switch
        {
            Ring => ExpertPlacement.Ring(config.ExpertCount, slots),
            Best => PlacementSearch.Run(uniform, slots, Seed),
            _ => ExpertPlacement.Contiguous(config.ExpertCount, nodes),
        };
    }
}
