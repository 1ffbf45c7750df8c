using SpmdDbrx.Engine;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Synthetic;

namespace SpmdDbrx.Cli.Sweeps;

/// <summary>Reads the JSON file of a sweep; bench/sweeps/README.md describes its fields.</summary>
internal static class SweepFile
{
    private const int MostNodes = 1024;
    private const int MostTokens = 1 << 20;
    private const int MostMicroseconds = 10_000_000;

    /// <summary>Reads and checks a file.</summary>
    /// <param name="file">Path.</param>
    /// <param name="work">Folder of made models instead of the file's; null = the file's.</param>
    /// <exception cref="InvalidInputException">One line that names file and field.</exception>
    public static Sweep Read(string file, string? work)
    {
        JsonField top = JsonField.Read(file);
        top.AllowOnly(
            "title", "about", "folder", "work", "launcher", "limit_seconds", "model", "nodes", "systems", "networks", "prompt_tokens",
            "generated_tokens", "repeats", "threads", "options");
        string folder = Path.GetFullPath(top.Optional("folder")?.Text() ?? ".", Path.GetDirectoryName(Path.GetFullPath(file))!);
        SweepNetwork[] networks = top.Optional("networks") is { } listed ? List(listed, ReadNetwork) : [SweepNetwork.AsItIs];
        Sweep sweep = new()
        {
            Title = top["title"].Text(),
            About = top.Optional("about")?.Text() ?? "",
            Folder = folder,
            Work = work is not null ? Path.GetFullPath(work) : Path.GetFullPath(top.Optional("work")?.Text() ?? "build/sweeps/models", folder),
            Launcher = ReadLauncher(top["launcher"], networks),
            LimitSeconds = top.Optional("limit_seconds")?.Integer(1, 86_400) ?? 600,
            Model = ReadModel(top["model"], folder),
            Nodes = List(top["nodes"], field => field.Integer(1, MostNodes)),
            Systems = List(top["systems"], ReadSystem),
            Networks = networks,
            PromptTokens = List(top["prompt_tokens"], field => field.Integer(0, MostTokens)),
            GeneratedTokens = top["generated_tokens"].Integer(0, MostTokens),
            Repeats = top["repeats"].Integer(1, 1000),
            Threads = top.Optional("threads")?.Integer(1, 1024),
            Options = top.Optional("options") is { } options ? List(options, field => field.Text()) : [],
        };
        if (sweep.GeneratedTokens == 0 && sweep.PromptTokens.Contains(0))
            throw top["generated_tokens"].Wrong("at least 1 where a prompt has 0 tokens: a cell without either measures nothing");
        if (sweep.Cells.GroupBy(cell => cell.ToString()).FirstOrDefault(alike => alike.Count() > 1) is { } twice)
            throw new InvalidInputException($"{file}: two cells are called '{twice.Key}'; give systems and networks different names, and numbers once");
        return sweep;
    }

    private static string[] ReadLauncher(JsonField field, SweepNetwork[] networks)
    {
        string[] words = List(field, word => word.Text());
        string? unknown = words.FirstOrDefault(word => word.StartsWith('{') && !CellLauncher.Placeholders.Contains(word));
        if (unknown is not null)
            throw field.Wrong($"words, of which {string.Join(", ", CellLauncher.Placeholders)} are replaced");
        if (!words.Contains(CellLauncher.NetworkPlaceholder) && networks.Any(network => network.Settings.Any(setting => setting.Value != 0)))
            throw field.Wrong($"the word {CellLauncher.NetworkPlaceholder}, since networks ask for delay, jitter, loss or a rate");
        return words;
    }

    private static SweepModel ReadModel(JsonField field, string folder)
    {
        if (field.Optional("directory") is { } directory)
        {
            field.AllowOnly("directory");
            return new SweepModel(Path.GetFullPath(directory.Text(), folder), null, 0);
        }
        field.AllowOnly(
            "shape", "layers", "hidden_dim", "heads", "kv_heads", "experts", "experts_per_token", "expert_hidden_dim", "vocabulary", "seed");
        int? Size(string name) => field.Optional(name)?.Integer(1, MostTokens);
        SyntheticSizes sizes = new()
        {
            Layers = Size("layers"),
            HiddenDim = Size("hidden_dim"),
            Heads = Size("heads"),
            KvHeads = Size("kv_heads"),
            Experts = Size("experts"),
            ExpertsPerToken = Size("experts_per_token"),
            ExpertHiddenDim = Size("expert_hidden_dim"),
            Vocabulary = Size("vocabulary"),
        };
        ModelConfig shape = SyntheticShape.Named(Word(field["shape"], [.. SyntheticShape.Names]));
        return new SweepModel(null, sizes.Apply(shape), field.Optional("seed")?.Integer(0, int.MaxValue) ?? 0);
    }

    private static SweepSystem ReadSystem(JsonField field)
    {
        field.AllowOnly("name", "strategy", "stacking", "topology", "loading", "partition", "placement", "experts_per_node");
        string strategy = Word(field["strategy"], StrategyOptions.Presets);
        string partition = field.Optional("partition") is { } unit ? Word(unit, "experts", "slices") : "experts";
        string? placement = field.Optional("placement") is { } kind ? Word(kind, SweepPlacement.Kinds) : null;
        if (partition == "slices" && placement is not null)
            throw field["placement"].Wrong("none: slices of every expert are on every node");
        placement ??= partition == "slices" ? null : SweepPlacement.Contiguous;
        int? expertsPerNode = field.Optional("experts_per_node")?.Integer(1, MostTokens);
        bool needsNumber = placement is not null and not SweepPlacement.Contiguous;
        if (needsNumber && expertsPerNode is null)
            throw field["placement"].Wrong("a number experts_per_node beside it");
        if (!needsNumber && expertsPerNode is not null)
            throw field["experts_per_node"].Wrong($"none: {(placement is null ? "slices of every expert are on every node" : "contiguous gives each node its equal share; placements ring and best ask for it")}");
        string name = string.Join(' ', new[] { strategy, partition == "slices" ? partition : null, placement == SweepPlacement.Contiguous ? null : placement }.OfType<string>());
        return new SweepSystem(
            field.Optional("name")?.Text() ?? name,
            strategy,
            field.Optional("stacking") is { } stacking ? Word(stacking, "unstacked", "prestacked") : null,
            field.Optional("topology") is { } topology ? Word(topology, "centralized", "decentralized") : null,
            field.Optional("loading") is { } loading ? Word(loading, "on-demand", "busy-full", "router-aided") : null,
            partition,
            placement,
            expertsPerNode);
    }

    private static SweepNetwork ReadNetwork(JsonField field)
    {
        field.AllowOnly("name", "delay_us", "jitter_us", "loss_ppm", "rate_mbps");
        int Setting(string name, int most) => field.Optional(name)?.Integer(0, most) ?? 0;
        return new SweepNetwork(
            field["name"].Text(), Setting("delay_us", MostMicroseconds), Setting("jitter_us", MostMicroseconds), Setting("loss_ppm", 1_000_000), Setting("rate_mbps", 1_000_000));
    }

    private static string Word(JsonField field, params string[] words)
    {
        string word = field.Text();
        return words.Contains(word) ? word : throw field.Wrong(string.Join(" or ", words));
    }

    private static T[] List<T>(JsonField field, Func<JsonField, T> read)
    {
        JsonField[] items = field.Items();
        return items.Length > 0 ? [.. items.Select(read)] : throw field.Wrong("at least one");
    }
}
