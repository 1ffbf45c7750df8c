namespace SpmdDbrx.Engine.Performance.Inputs;

/// <summary>How far a program stays below the hardware's best: one set of constants for every strategy, model and node count.</summary>
public sealed record Software
{
    private static readonly (string Name, AllReduceAlgorithm Algorithm)[] Algorithms =
    [
        ("direct", AllReduceAlgorithm.Direct),
        ("recursive_doubling", AllReduceAlgorithm.RecursiveDoubling),
        ("ring", AllReduceAlgorithm.Ring),
        ("fastest", AllReduceAlgorithm.Fastest),
    ];

    /// <summary>Short name for the command line.</summary>
    public required string Name { get; init; }

    /// <summary>Name for tables.</summary>
    public required string Title { get; init; }

    /// <summary>Share of the memory bandwidth that decode kernels reach.</summary>
    public required Figure BandwidthFraction { get; init; }

    /// <summary>Share of the peak that prefill kernels reach.</summary>
    public required Figure ComputeFraction { get; init; }

    /// <summary>From the host's call to the processor's start, or from its end to the host's return; once for every launch, seconds.</summary>
    public required Figure HandOverSeconds { get; init; }

    /// <summary>Latencies of one request between rank 0 and a worker in the centralized topology: 2 where requests are acknowledged.</summary>
    public required Figure LatenciesPerRequest { get; init; }

    /// <summary>Host time for each further message in flight, seconds.</summary>
    public required Figure MessageSeconds { get; init; }

    /// <summary>Whether a prompt's tokens go through the experts together, so that weights are read once for all of them, rather than one by one.</summary>
    public required bool BatchesPrefill { get; init; }

    /// <summary>How ranks sum.</summary>
    public required AllReduceAlgorithm AllReduce { get; init; }

    /// <summary>Whether the outputs of all selected experts travel ([P1]) rather than each rank's sum of them.</summary>
    public required bool ExchangesExpertOutputs { get; init; }

    /// <summary>Bytes of a number on the network.</summary>
    public required Figure BytesPerValue { get; init; }

    /// <summary>Bytes of a number in the KV cache.</summary>
    public required Figure KvBytesPerValue { get; init; }

    /// <summary>Memory unused for longer gets unwired by the driver, seconds; null = it stays wired.</summary>
    public Figure? UnwireAfterSeconds { get; init; }

    /// <summary>Speed at which unwired memory is wired again when used, bytes/s; null = it stays wired.</summary>
    public Figure? RewireBytesPerSecond { get; init; }

    /// <summary>An algorithm's name in files.</summary>
    internal static string NameOf(AllReduceAlgorithm algorithm) => Array.Find(Algorithms, known => known.Algorithm == algorithm).Name;

    /// <summary>Reads the "software" section of a file.</summary>
    internal static Software Read(JsonField section)
    {
        section.AllowOnly("name", "title", "bandwidth_fraction", "compute_fraction", "hand_over_us", "latencies_per_request", "message_us",
            "prefill", "all_reduce", "exchanges", "bytes_per_value", "kv_bytes_per_value", "unwire_after_ms", "rewire_gb_per_s");
        JsonField? unwire = section.Optional("unwire_after_ms");
        JsonField? rewire = section.Optional("rewire_gb_per_s");
        if (unwire is null != rewire is null)
            throw section.Wrong("unwire_after_ms and rewire_gb_per_s, or neither");
        return new Software
        {
            Name = section["name"].Text(),
            Title = section.Optional("title")?.Text() ?? section["name"].Text(),
            BandwidthFraction = Figure.Read(section["bandwidth_fraction"], 0.001, 1, "a share"),
            ComputeFraction = Figure.Read(section["compute_fraction"], 0.001, 1, "a share"),
            HandOverSeconds = Figure.Read(section["hand_over_us"], 0, 1e6, "µs", 1e-6),
            LatenciesPerRequest = Figure.Read(section["latencies_per_request"], 1, 4, "latencies"),
            MessageSeconds = Figure.Read(section["message_us"], 0, 1e6, "µs", 1e-6),
            BatchesPrefill = Choice(section["prefill"], "batched", "token_by_token"),
            AllReduce = ReadAlgorithm(section["all_reduce"]),
            ExchangesExpertOutputs = Choice(section["exchanges"], "expert_outputs", "sum"),
            BytesPerValue = Figure.Read(section["bytes_per_value"], 1, 8, "bytes"),
            KvBytesPerValue = Figure.Read(section["kv_bytes_per_value"], 0.25, 8, "bytes"),
            UnwireAfterSeconds = unwire is { } after ? Figure.Read(after, 0.001, 1e9, "ms", 1e-3) : null,
            RewireBytesPerSecond = rewire is { } speed ? Figure.Read(speed, 0.001, 1e6, "GB/s", 1e9) : null,
        };
    }

    private static bool Choice(JsonField field, string yes, string no) =>
        field.Text() == yes || (field.Text() == no ? false : throw field.Wrong($"\"{yes}\" or \"{no}\""));

    private static AllReduceAlgorithm ReadAlgorithm(JsonField field)
    {
        string name = field.Text();
        int index = Array.FindIndex(Algorithms, known => known.Name == name);
        return index >= 0 ? Algorithms[index].Algorithm : throw field.Wrong(string.Join(" or ", Algorithms.Select(known => $"\"{known.Name}\"")));
    }
}
