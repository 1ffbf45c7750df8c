namespace SpmdDbrx.Engine.Performance.Inputs;

/// <summary>One node: what its memory and processor can do at best.</summary>
public sealed record Hardware
{
    private const string BandwidthUnit = "GB/s, thousand millions of bytes";

    /// <summary>Bytes of the GiB in which files and reports give memory.</summary>
    public const double GibiByte = 1024.0 * 1024 * 1024;

    /// <summary>Short name for the command line.</summary>
    public required string Name { get; init; }

    /// <summary>Name for tables.</summary>
    public required string Title { get; init; }

    /// <summary>Name of the program constants that suit it; null = not said.</summary>
    public string? Software { get; init; }

    /// <summary>Installed memory, bytes.</summary>
    public required Figure MemoryBytes { get; init; }

    /// <summary>Memory that weights and caches may fill, bytes.</summary>
    public required Figure UsableMemoryBytes { get; init; }

    /// <summary>B_mem of Eq. 1, bytes/s.</summary>
    public required Figure MemoryBytesPerSecond { get; init; }

    /// <summary>What one rank draws from memory while all others of the job wait, bytes/s; null = no more than its share of the node's.</summary>
    public Figure? AloneBytesPerSecond { get; init; }

    /// <summary>G of Eq. 1, FLOP/s.</summary>
    public required Figure FlopPerSecond { get; init; }

    /// <summary>Price of a node, USD; null = not given.</summary>
    public Figure? PriceUsd { get; init; }

    /// <summary>Power under load, W; null = not given.</summary>
    public Figure? PowerWatts { get; init; }

    /// <summary>Reads the "hardware" section of a file.</summary>
    internal static Hardware Read(JsonField section)
    {
        section.AllowOnly("name", "title", "software", "memory_gib", "usable_memory_gib", "memory_bandwidth_gb_per_s", "bandwidth_alone_gb_per_s", "peak_tflop_per_s", "price_usd", "power_w");
        Figure memory = Figure.Read(section["memory_gib"], 0.1, 1e6, "GiB", GibiByte);
        JsonField? usableField = section.Optional("usable_memory_gib");
        Figure usable = usableField is { } field ? Figure.Read(field, 0.1, 1e6, "GiB", GibiByte) : memory;
        if (usable.Value > memory.Value)
            throw usableField!.Value.Wrong("at most memory_gib");
        return new Hardware
        {
            Name = section["name"].Text(),
            Title = section.Optional("title")?.Text() ?? section["name"].Text(),
            Software = section.Optional("software")?.Text(),
            MemoryBytes = memory,
            UsableMemoryBytes = usable,
            MemoryBytesPerSecond = Figure.Read(section["memory_bandwidth_gb_per_s"], 0.1, 1e6, BandwidthUnit, 1e9),
            AloneBytesPerSecond = section.Optional("bandwidth_alone_gb_per_s") is { } alone ? Figure.Read(alone, 0.1, 1e6, BandwidthUnit, 1e9) : null,
            FlopPerSecond = Figure.Read(section["peak_tflop_per_s"], 1e-4, 1e6, "TFLOP/s, dense bfloat16", 1e12),
            PriceUsd = section.Optional("price_usd") is { } price ? Figure.Read(price, 0, 1e9, "USD") : null,
            PowerWatts = section.Optional("power_w") is { } power ? Figure.Read(power, 0, 1e6, "W") : null,
        };
    }
}
