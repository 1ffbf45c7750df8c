using System.Globalization;
using System.Text;

namespace SpmdDbrx.Model.Chat.Jinja;

/// <summary>The tojson filter as Hugging Face defines it: json.dumps with ensure_ascii off, ", " and ": " between parts.</summary>
internal static class JinjaJson
{
    public static string Write(JinjaRun run, object? value)
    {
        var json = new StringBuilder();
        Append(run, json, value, 0);
        return json.ToString();
    }

    private static void Append(JinjaRun run, StringBuilder json, object? value, int depth)
    {
        run.Spend(8);
        if (depth > JinjaRun.DeepestValue)
            throw new JinjaException("tojson: lists this deep are not supported");
        switch (value)
        {
            case null:
                json.Append("null");
                break;
            case bool flag:
                json.Append(flag ? "true" : "false");
                break;
            case long number:
                json.Append(number.ToString(CultureInfo.InvariantCulture));
                break;
            case string text:
                AppendString(run, json, text);
                break;
            case List<object?> list:
                AppendList(run, json, list, depth);
                break;
            case JinjaMap map:
                AppendMap(run, json, map, depth);
                break;
            default:
                throw new JinjaException($"tojson does not apply to {JinjaValue.Describe(value)}");
        }
    }

    private static void AppendList(JinjaRun run, StringBuilder json, List<object?> list, int depth)
    {
        json.Append('[');
        for (int i = 0; i < list.Count; i++)
        {
            json.Append(i == 0 ? "" : ", ");
            Append(run, json, list[i], depth + 1);
        }
        json.Append(']');
    }

    private static void AppendMap(JinjaRun run, StringBuilder json, JinjaMap map, int depth)
    {
        json.Append('{');
        string separator = "";
        foreach ((string key, object? value) in map)
        {
            json.Append(separator);
            AppendString(run, json, key);
            json.Append(": ");
            Append(run, json, value, depth + 1);
            separator = ", ";
        }
        json.Append('}');
    }

    private static void AppendString(JinjaRun run, StringBuilder json, string text)
    {
        run.Spend(text.Length);
        json.Append('"');
        foreach (char unit in text)
        {
            string? escape = unit switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                < ' ' => $"\\u{(int)unit:x4}",
                _ => null,
            };
            if (escape is null)
                json.Append(unit);
            else
                json.Append(escape);
        }
        json.Append('"');
    }
}
