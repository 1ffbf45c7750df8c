using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace SpmdDbrx.Cli;

/// <summary>Defaults of options: appsettings.json &lt; SPMDDBRX_… environment &lt; command line.</summary>
/// <remarks>An option's key is its long name: <c>--max-tokens</c> is "max-tokens" in appsettings.json and SPMDDBRX_MAX_TOKENS in the environment.</remarks>
public sealed class Settings
{
    private const string EnvironmentPrefix = "SPMDDBRX_";
    private readonly IConfiguration configuration;

    private Settings(IConfiguration configuration) => this.configuration = configuration;

    /// <summary>Reads appsettings.json beside the executable, then in the working directory, then the environment.</summary>
    public static Settings Load()
    {
        Dictionary<string, string?> environment = [];
        foreach (System.Collections.DictionaryEntry entry in System.Environment.GetEnvironmentVariables())
        {
            string name = (string)entry.Key;
            if (name.StartsWith(EnvironmentPrefix, StringComparison.Ordinal))
                environment[name[EnvironmentPrefix.Length..].ToLowerInvariant().Replace('_', '-')] = (string?)entry.Value;
        }
        IConfiguration configuration = new ConfigurationBuilder()
            .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
            .AddJsonFile(Path.Combine(Directory.GetCurrentDirectory(), "appsettings.json"), optional: true)
            .AddInMemoryCollection(environment)
            .Build();
        return new Settings(configuration);
    }

    /// <summary>An option whose value falls back to the configuration, then to <paramref name="fallback"/>.</summary>
    /// <param name="name">Long name with dashes.</param>
    /// <param name="fallback">Value when neither command line nor configuration gives one.</param>
    /// <param name="description">Help text.</param>
    /// <param name="helpName">Placeholder of the value in the help.</param>
    /// <param name="aliases">Short names.</param>
    public Option<T> Option<T>(string name, T fallback, string description, string? helpName = null, params string[] aliases)
    {
        Option<T> option = new(name, aliases) { Description = description, HelpName = helpName };
        string key = name.TrimStart('-');
        string? configured = configuration[key];
        if (configured is not null)
            option.DefaultValueFactory = result => Convert<T>(result, key, configured);
        else if (fallback is not null && !Equals(fallback, false))
            option.DefaultValueFactory = _ => fallback;
        return option;
    }

    private static T Convert<T>(ArgumentResult result, string key, string text)
    {
        Type type = Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T);
        try
        {
            return (T)System.Convert.ChangeType(text, type, CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is FormatException or OverflowException or InvalidCastException)
        {
            result.AddError($"setting '{key}' (appsettings.json or {EnvironmentPrefix}{key.ToUpperInvariant().Replace('-', '_')}): expected {type.Name}, found '{text}'");
            return default!;
        }
    }
}
