namespace SpmdDbrx.Engine.Performance.Inputs;

/// <summary>A number with the place it comes from.</summary>
/// <param name="Value">In the unit of the property that holds it.</param>
/// <param name="Source">Paper and table, data sheet, measurement.</param>
/// <param name="IsEstimate">Whether it is a guess with reasons rather than published or measured.</param>
public readonly record struct Figure(double Value, string Source, bool IsEstimate = false)
{
    /// <summary>Reads <c>{"value": 800, "source": "…", "estimate": true}</c> or, in files people write for themselves, a bare number.</summary>
    /// <param name="field">The field.</param>
    /// <param name="least">Smallest value that can be meant.</param>
    /// <param name="most">Largest value that can be meant; beyond it the unit must be wrong.</param>
    /// <param name="unit">Unit, for complaints.</param>
    /// <param name="scale">What one unit of the file is in the property's unit.</param>
    internal static Figure Read(JsonField field, double least, double most, string unit, double scale = 1)
    {
        if (!field.IsObject)
            return new Figure(field.Number(least, most, unit) * scale, "given");
        field.AllowOnly("value", "source", "estimate");
        return new Figure(field["value"].Number(least, most, unit) * scale, field["source"].Text(), field.Optional("estimate")?.Flag() ?? false);
    }
}
