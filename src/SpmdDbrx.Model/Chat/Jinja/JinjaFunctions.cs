namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>The functions that Hugging Face's templates call.</summary>
internal static class JinjaFunctions
{
    public static bool Exists(string name) => name is "raise_exception" or "namespace" or "range";

    /// <exception cref="JinjaException">Arguments that are not supported.</exception>
    /// <exception cref="JinjaRaisedException">raise_exception was called.</exception>
    public static object? Call(JinjaRun run, JinjaArguments arguments)
    {
        switch (arguments.Callee)
        {
            case "raise_exception":
                arguments.Require(1, 1);
                throw new JinjaRaisedException(JinjaValue.ToText(arguments[0]));
            case "range":
                arguments.Require(1, 3);
                return Range(run, arguments);
            default:
                return Namespace(arguments);
        }
    }

    private static JinjaNamespace Namespace(JinjaArguments arguments)
    {
        if (arguments.Count > arguments.Named.Count)
            throw new JinjaException("namespace: only named arguments are supported");
        var result = new JinjaNamespace();
        foreach ((string name, object? value) in arguments.Named)
            result.Attributes[name] = value;
        return result;
    }

    private static List<object?> Range(JinjaRun run, JinjaArguments arguments)
    {
        long start = arguments.Count == 1 ? 0 : arguments.Integer(0);
        long stop = arguments.Integer(arguments.Count == 1 ? 0 : 1);
        long step = arguments.Count == 3 ? arguments.Integer(2) : 1;
        if (step == 0)
            throw new JinjaException("range: the step must not be zero");
        List<object?> numbers = [];
        // Int128: the sum past the last number may leave 64 bits.
        for (Int128 number = start; step > 0 ? number < stop : number > stop; number += step)
        {
            run.Spend(1);
            numbers.Add((long)number);
        }
        return numbers;
    }
}
