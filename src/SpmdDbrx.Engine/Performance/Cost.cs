using SpmdDbrx.Engine.Performance.Inputs;

namespace SpmdDbrx.Engine.Performance;

/// <summary>What tokens cost.</summary>
/// <param name="PriceUsd">All nodes and their network cards.</param>
/// <param name="TokensPerSecondPerUsd">[P1] Table 5's measure.</param>
/// <param name="UsdPerMillionTokens">Price over the years of use plus electricity, generating without pause.</param>
/// <param name="TokensPerUsd">The same the other way round.</param>
public sealed record Cost(double PriceUsd, double TokensPerSecondPerUsd, double UsdPerMillionTokens, double TokensPerUsd)
{
    private const double SecondsPerYear = 365.25 * 24 * 3600;

    /// <summary>Years after which a node is written off.</summary>
    public const double YearsOfUse = 3;

    /// <summary>USD for a kilowatt-hour.</summary>
    public const double UsdPerKilowattHour = 0.15;

    /// <summary>Cost at a speed; null where hardware or network have no price.</summary>
    public static Cost? Of(Hardware hardware, Network network, int nodeCount, double tokensPerSecond)
    {
        if (hardware.PriceUsd is not { } price || (nodeCount > 1 && network.PriceUsdPerNode is null))
            return null;
        double priceUsd = nodeCount * (price.Value + (nodeCount > 1 ? network.PriceUsdPerNode!.Value.Value : 0));
        double usdPerSecondOfPower = nodeCount * (hardware.PowerWatts?.Value ?? 0) / 1000 / 3600 * UsdPerKilowattHour;
        double usdPerToken = ((priceUsd / (YearsOfUse * SecondsPerYear)) + usdPerSecondOfPower) / tokensPerSecond;
        return new Cost(priceUsd, tokensPerSecond / priceUsd, usdPerToken * 1e6, 1 / usdPerToken);
    }
}
