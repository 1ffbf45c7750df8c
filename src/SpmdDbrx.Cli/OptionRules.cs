using System.CommandLine;

namespace SpmdDbrx.Cli;

/// <summary>Ranges of numeric options, checked while parsing.</summary>
internal static class OptionRules
{
    /// <summary>Refuses smaller values.</summary>
    public static void RequireAtLeast(this Option<int> option, int least) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < least)
            result.AddError($"{option.Name}: expected at least {least}, found {result.GetValueOrDefault<int>()}");
    });

    /// <summary>Refuses smaller values; null is accepted.</summary>
    public static void RequireAtLeast(this Option<int?> option, int least) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int?>() is int value && value < least)
            result.AddError($"{option.Name}: expected at least {least}, found {value}");
    });

    /// <summary>Refuses values outside a range.</summary>
    public static void RequireWithin(this Option<double> option, double least, double most) => option.Validators.Add(result =>
    {
        double value = result.GetValueOrDefault<double>();
        if (!(value >= least && value <= most))
            result.AddError($"{option.Name}: expected {least} to {most}, found {value}");
    });
}
