namespace SpmdDbrx.Engine.Performance.Inputs;

/// <summary>What lies between two nodes.</summary>
public sealed record Network
{
    /// <summary>Short name for the command line.</summary>
    public required string Name { get; init; }

    /// <summary>Name for tables.</summary>
    public required string Title { get; init; }

    /// <summary>latency of Eq. 1: from one process's call to the other's return, small message, seconds.</summary>
    public required Figure LatencySeconds { get; init; }

    /// <summary>B_net of Eq. 1, bytes/s in one direction.</summary>
    public required Figure BytesPerSecond { get; init; }

    /// <summary>Price of what a node needs to take part, USD; null = not given.</summary>
    public Figure? PriceUsdPerNode { get; init; }

    /// <summary>Reads the "network" section of a file.</summary>
    internal static Network Read(JsonField section)
    {
        section.AllowOnly("name", "title", "latency_us", "bandwidth_gbit_per_s", "price_usd_per_node");
        return new Network
        {
            Name = section["name"].Text(),
            Title = section.Optional("title")?.Text() ?? section["name"].Text(),
            LatencySeconds = Figure.Read(section["latency_us"], 0, 1e7, "µs", 1e-6),
            BytesPerSecond = Figure.Read(section["bandwidth_gbit_per_s"], 1e-3, 1e5, "Gbit/s", 1e9 / 8),
            PriceUsdPerNode = section.Optional("price_usd_per_node") is { } price ? Figure.Read(price, 0, 1e9, "USD") : null,
        };
    }
}
