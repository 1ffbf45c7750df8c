using SpmdDbrx.Compute;
using SpmdDbrx.Model;

namespace SpmdDbrx.Tests.Engine;

/// <summary>DBRX in plain float64 loops, straight from MECHANISMS §1 and the golden README: slow, obvious, and independent of the engine.</summary>
internal sealed class ReferenceDecoder(ModelDirectory model)
{
    private readonly ModelConfig config = model.Config;
    private readonly Dictionary<string, MappedFile> files = [];

    /// <summary>Logits of every position, [tokens][vocabulary].</summary>
    public double[][] Logits(ReadOnlySpan<int> tokens)
    {
        double[][] hidden = new double[tokens.Length][];
        for (int position = 0; position < tokens.Length; position++)
            hidden[position] = Row(model.Embedding, tokens[position]);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            AddAttention(hidden, layer);
            foreach (double[] x in hidden)
                AddTo(x, Experts(Norm(x, model.ExpertNorm(layer)), layer));
        }
        return [.. hidden.Select(x => Multiply(model.LmHead, Norm(x, model.FinalNorm)))];
    }

    private void AddAttention(double[][] hidden, int layer)
    {
        int queryDim = config.HeadCount * config.HeadDim;
        int kvDim = config.KvHeadCount * config.HeadDim;
        double[][] qkv = [.. hidden.Select(x => Multiply(model.Wqkv(layer), Norm(x, model.AttentionNorm(layer))))];
        for (int position = 0; position < qkv.Length; position++)
        {
            if (config.ClipQkv is float clip)
                qkv[position] = [.. qkv[position].Select(value => Math.Clamp(value, -clip, clip))];
            for (int head = 0; head < config.HeadCount + config.KvHeadCount; head++)
                Rotate(qkv[position].AsSpan(head * config.HeadDim, config.HeadDim), position);
        }
        for (int position = 0; position < hidden.Length; position++)
        {
            double[] attended = new double[queryDim];
            for (int head = 0; head < config.HeadCount; head++)
            {
                int kv = head / (config.HeadCount / config.KvHeadCount) * config.HeadDim;
                double[] scores = new double[position + 1];
                for (int key = 0; key <= position; key++)
                {
                    for (int i = 0; i < config.HeadDim; i++)
                        scores[key] += qkv[position][(head * config.HeadDim) + i] * qkv[key][queryDim + kv + i];
                    scores[key] /= Math.Sqrt(config.HeadDim);
                }
                double[] weights = Softmax(scores);
                for (int key = 0; key <= position; key++)
                {
                    for (int i = 0; i < config.HeadDim; i++)
                        attended[(head * config.HeadDim) + i] += weights[key] * qkv[key][queryDim + kvDim + kv + i];
                }
            }
            AddTo(hidden[position], Multiply(model.AttentionOutput(layer), attended));
        }
    }

    private void Rotate(Span<double> head, int position)
    {
        int half = head.Length / 2;
        for (int i = 0; i < half; i++)
        {
            double angle = position * Math.Pow(config.RopeTheta, -2.0 * i / head.Length);
            (head[i], head[i + half]) = (
                (head[i] * Math.Cos(angle)) - (head[i + half] * Math.Sin(angle)),
                (head[i + half] * Math.Cos(angle)) + (head[i] * Math.Sin(angle)));
        }
    }

    private double[] Experts(double[] x, int layer)
    {
        double[] probabilities = Softmax(Multiply(model.Router(layer), x));
        int[] chosen = [.. Enumerable.Range(0, config.ExpertCount).OrderByDescending(expert => probabilities[expert]).Take(config.TopK)];
        double norm = config.RouterNormalizationPower is float p
            ? Math.Pow(chosen.Sum(expert => Math.Pow(probabilities[expert], p)), 1.0 / p)
            : 1;
        double[] sum = new double[x.Length];
        foreach (int expert in chosen)
        {
            ExpertLocation location = model.Expert(layer, expert);
            double[] gate = Multiply(location.W1, x);
            double[] up = Multiply(location.V1, x);
            for (int neuron = 0; neuron < gate.Length; neuron++)
            {
                double h = gate[neuron] / (1 + Math.Exp(-gate[neuron])) * up[neuron] * probabilities[expert] / norm;
                double[] row = Row(location.W2, neuron);
                for (int i = 0; i < sum.Length; i++)
                    sum[i] += h * row[i];
            }
        }
        return sum;
    }

    private double[] Norm(double[] x, WeightLocation weight)
    {
        double mean = x.Average();
        double variance = x.Average(value => (value - mean) * (value - mean));
        double[] scale = Row(weight, 0);
        return [.. x.Select((value, i) => (value - mean) / Math.Sqrt(variance + config.NormEpsilon) * scale[i])];
    }

    private double[] Multiply(WeightLocation weight, double[] x)
    {
        double[] result = new double[weight.Rows];
        for (int row = 0; row < weight.Rows; row++)
        {
            double[] values = Row(weight, row);
            for (int i = 0; i < x.Length; i++)
                result[row] += values[i] * x[i];
        }
        return result;
    }

    private double[] Row(WeightLocation weight, int row)
    {
        if (!files.TryGetValue(weight.File, out MappedFile? file))
            files.Add(weight.File, file = model.Map(weight.File));
        double[] values = new double[weight.Columns];
        for (int i = 0; i < values.Length; i++)
        {
            ReadOnlySpan<byte> bytes = file.Span(weight.Offset(row, i), (int)weight.Type.ByteCount(1));
            values[i] = weight.Type switch
            {
                ElementType.Float32 => BitConverter.ToSingle(bytes),
                ElementType.Float16 => (double)BitConverter.ToHalf(bytes),
                _ => BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(bytes) << 16),
            };
        }
        return values;
    }

    private static double[] Softmax(double[] values)
    {
        double largest = values.Max();
        double[] powers = [.. values.Select(value => Math.Exp(value - largest))];
        double sum = powers.Sum();
        return [.. powers.Select(power => power / sum)];
    }

    private static void AddTo(double[] target, double[] addend)
    {
        for (int i = 0; i < target.Length; i++)
            target[i] += addend[i];
    }
}
