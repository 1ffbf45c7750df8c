namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>A cursor over the tokens, which also bounds how deep the parsed tree gets: evaluating it takes as much stack.</summary>
internal sealed class JinjaTokenReader(IReadOnlyList<JinjaToken> tokens)
{
    private const int DeepestTree = 150;
    private int index;

    /// <summary>How deep the tree is here.</summary>
    public int Depth { get; private set; }

    public JinjaToken Current => tokens[index];

    public JinjaToken Next => tokens[Math.Min(index + 1, tokens.Count - 1)];

    /// <summary>Takes the current token.</summary>
    public JinjaToken Take()
    {
        JinjaToken token = Current;
        if (token.Kind != JinjaTokenKind.EndOfTemplate)
            index++;
        return token;
    }

    /// <summary>Takes the current token if it is this one.</summary>
    public bool TryTake(JinjaTokenKind kind, string text)
    {
        bool found = Current.Is(kind, text);
        if (found)
            index++;
        return found;
    }

    public bool TryTakeOperator(string text) => TryTake(JinjaTokenKind.Operator, text);

    public bool TryTakeName(string text) => TryTake(JinjaTokenKind.Name, text);

    /// <exception cref="JinjaException">Another token is there.</exception>
    public void Expect(JinjaTokenKind kind, string text)
    {
        if (!TryTake(kind, text))
            throw Unexpected($"'{text}'");
    }

    /// <exception cref="JinjaException">No name is there.</exception>
    public string ExpectName() => Current.Kind == JinjaTokenKind.Name ? Take().Text : throw Unexpected("a name");

    public JinjaException Unexpected(string expected) => new($"expected {expected}, found {Current.Describe()}", Current.Offset);

    /// <summary>One level deeper, until <see cref="Leave"/>.</summary>
    /// <exception cref="JinjaException">Too deep.</exception>
    public void Enter()
    {
        if (++Depth > DeepestTree)
            throw new JinjaException($"expressions or blocks nested more than {DeepestTree} deep are not supported", Current.Offset);
    }

    /// <summary>Back to an earlier level.</summary>
    public void Leave(int level) => Depth = level;
}
