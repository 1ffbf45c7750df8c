using System.CommandLine;
using Microsoft.Extensions.Configuration;

namespace SpmdDbrx.Cli;

/// <summary>Values of options that the command line does not give: appsettings.json &lt; SPMDDBRX_… environment &lt; command line.</summary>
/// <remarks>An option's key is its long name: <c>--max-tokens</c> is "max-tokens" in appsettings.json and SPMDDBRX_MAX_TOKENS in the environment.</remarks>
public sealed class Settings
{
    private const string EnvironmentPrefix = "SPMDDBRX_";
    private readonly IConfiguration configuration;

    private Settings(IConfiguration configuration) => this.configuration = configuration;

    /// <summary>Reads appsettings.json beside the executable, then in the working directory, then the environment.</summary>
    /// <exception cref="UsageException">A file is not JSON.</exception>
    public static Settings Load()
    {
        Dictionary<string, string?> environment = [];
        foreach (System.Collections.DictionaryEntry entry in System.Environment.GetEnvironmentVariables())
        {
            string name = (string)entry.Key;
            if (name.StartsWith(EnvironmentPrefix, StringComparison.Ordinal))
                environment[name[EnvironmentPrefix.Length..].ToLowerInvariant().Replace('_', '-')] = (string?)entry.Value;
        }
        IConfigurationBuilder builder = new ConfigurationBuilder()
            .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
            .AddJsonFile(Path.Combine(Directory.GetCurrentDirectory(), "appsettings.json"), optional: true)
            .AddInMemoryCollection(environment);
        try
        {
            return new Settings(builder.Build());
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

    /// <summary>What the settings say about options that the command line leaves open, as further arguments: checked by the same rules.</summary>
    public IReadOnlyList<string> MissingArguments(ParseResult parsed)
    {
        List<string> arguments = [];
        foreach (Option option in parsed.CommandResult.Command.Options)
        {
            bool given = parsed.GetResult(option) is { Implicit: false };
            if (!given && configuration[option.Name.TrimStart('-')] is string value)
                arguments.Add($"{option.Name}={value}");
        }
        return arguments;
    }
}
