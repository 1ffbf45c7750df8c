using System.Text;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>
/// One rendering: its output, where it is, and what it may still spend. Every step costs 1 and every string or list that is made costs its
/// length, so a template can neither run long nor fill the memory, however it loops.
/// </summary>
internal sealed class JinjaRun(long budget)
{
    /// <summary>Nesting of lists that comparing and printing follow.</summary>
    public const int DeepestValue = 64;

    private readonly long budget = budget;
    private long spent;

    /// <summary>Where text goes.</summary>
    public StringBuilder Output { get; set; } = new();

    /// <summary>Index in the source of what is being evaluated.</summary>
    public int Offset { get; private set; }

    /// <summary>Notes the position and pays for a step.</summary>
    public void Step(int offset)
    {
        Offset = offset;
        Spend(1);
    }

    /// <summary>Pays for work or memory.</summary>
    /// <exception cref="JinjaException">The budget is used up.</exception>
    public void Spend(long cost)
    {
        spent += cost;
        if (spent > budget)
            throw new JinjaException($"rendering takes more than {budget:N0} steps and characters");
    }

    /// <summary>Pays for searching <paramref name="text"/>, whose worst case is the product of the lengths.</summary>
    public void SpendSearch(string text, string wanted) => Spend(text.Length + (long)text.Length * wanted.Length / 64);

    /// <summary>Appends text to the output.</summary>
    public void Write(string text)
    {
        Spend(text.Length);
        Output.Append(text);
    }
}
