using System.CommandLine;
using Microsoft.Extensions.Configuration;

namespace SpmdDbrx.Cli;

/// <summary>Values of options that the command line does not give: appsettings.json &lt; SPMDDBRX_… environment &lt; command line.</summary>
/// <remarks>An option's key is its long name: <c>--max-tokens</c> is "max-tokens" in appsettings.json and SPMDDBRX_MAX_TOKENS in the environment.</remarks>
public sealed class Settings
{
    private const string FileName = "appsettings.json";
    private const string EnvironmentPrefix = "SPMDDBRX_";
    private readonly IConfiguration configuration;
    private readonly Dictionary<string, string> variables;

    private Settings(IConfiguration configuration, Dictionary<string, string> variables)
    {
        this.configuration = configuration;
        this.variables = variables;
    }

    /// <summary>Reads appsettings.json beside the executable, then in the working directory, then the environment.</summary>
    /// <exception cref="UsageException">A file cannot be read or is not JSON.</exception>
    public static Settings Load()
    {
        Dictionary<string, string?> environment = new(StringComparer.OrdinalIgnoreCase);
        Dictionary<string, string> variables = new(StringComparer.OrdinalIgnoreCase);
        foreach (System.Collections.DictionaryEntry entry in System.Environment.GetEnvironmentVariables())
        {
            string name = (string)entry.Key;
            if (!name.StartsWith(EnvironmentPrefix, StringComparison.Ordinal))
                continue;
            string key = name[EnvironmentPrefix.Length..].ToLowerInvariant().Replace('_', '-');
            environment[key] = (string?)entry.Value;
            variables[key] = name;
        }
        try
        {
            IConfigurationBuilder builder = new ConfigurationBuilder()
                .AddJsonFile(Path.Combine(AppContext.BaseDirectory, FileName), optional: true)
                .AddJsonFile(Path.Combine(Directory.GetCurrentDirectory(), FileName), optional: true)
                .AddInMemoryCollection(environment);
            return new Settings(builder.Build(), variables);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{FileName} cannot be read: {exception.Message}");
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException($"{exception.Message.TrimEnd('.')}: {exception.GetBaseException().Message}");
        }
    }

    /// <summary>An option with a default.</summary>
    /// <param name="name">Long name with dashes; also its key in the settings.</param>
    /// <param name="fallback">Value when neither command line nor settings give one.</param>
    /// <param name="description">Help text.</param>
    /// <param name="helpName">Placeholder of the value in the help.</param>
    /// <param name="aliases">Short names.</param>
    public Option<T> Option<T>(string name, T fallback, string description, string? helpName = null, params string[] aliases)
    {
        Option<T> option = new(name, aliases) { Description = description, HelpName = helpName };
        if (fallback is not null && !Equals(fallback, false))
            option.DefaultValueFactory = _ => fallback;
        return option;
    }

    /// <summary>Refuses settings that no command has: they are misspelt more often than superfluous.</summary>
    /// <exception cref="UsageException">Names the setting and where it stands.</exception>
    public void RequireKnown(RootCommand root)
    {
        HashSet<string> known = new(OptionsOf(root).Select(KeyOf), StringComparer.OrdinalIgnoreCase);
        foreach (IConfigurationSection section in configuration.GetChildren())
        {
            if (!known.Contains(section.Key))
                throw new UsageException($"{Origin(section)}: no command has an option --{section.Key}; see spmd-dbrx COMMAND --help");
        }
    }

    /// <summary>What the settings say about options that the command line leaves open, as further arguments: checked by the same rules.</summary>
    /// <exception cref="UsageException">A list or an object where one value is expected.</exception>
    public IReadOnlyList<string> MissingArguments(ParseResult parsed)
    {
        List<string> arguments = [];
        foreach (Option option in parsed.CommandResult.Command.Options)
        {
            bool given = parsed.GetResult(option) is { Implicit: false };
            if (!given)
                arguments.AddRange(Values(option, configuration.GetSection(KeyOf(option))).Select(value => $"{option.Name}={value}"));
        }
        return arguments;
    }

    /// <summary>One value, or, of options that may be given several times, a list.</summary>
    private IEnumerable<string> Values(Option option, IConfigurationSection section)
    {
        if (section.Value is { } value)
            return [value];
        string[] items = [.. section.GetChildren().Select(child => child.Value).OfType<string>()];
        bool isList = section.GetChildren().All(child => child.Value is not null && int.TryParse(child.Key, out _));
        if (items.Length > 0 && !(isList && option.Arity.MaximumNumberOfValues > 1))
            throw new UsageException($"{Origin(section)}: expected one value{(option.Arity.MaximumNumberOfValues > 1 ? " or a list of values" : "")}, found several");
        return items;
    }

    private string Origin(IConfigurationSection section) => variables.TryGetValue(section.Key, out string? variable) ? variable : $"{FileName}: \"{section.Key}\"";

    private static IEnumerable<Option> OptionsOf(Command command) => [.. command.Options, .. command.Subcommands.SelectMany(OptionsOf)];

    private static string KeyOf(Option option) => option.Name.TrimStart('-');
}
