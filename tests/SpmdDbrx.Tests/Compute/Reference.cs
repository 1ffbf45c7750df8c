using SpmdDbrx.Compute;

namespace SpmdDbrx.Tests.Compute;

/// <summary>The operations of <see cref="IDevice"/> written plainly in double precision, straight from their definitions.</summary>
internal static class Reference
{
    /// <summary>output[t, o] = Σ_k input[t, k] · weight[o, k].</summary>
    public static double[,] Multiply(double[,] input, double[,] weight)
    {
        var output = new double[input.GetLength(0), weight.GetLength(0)];
        for (int token = 0; token < output.GetLength(0); token++)
        {
            for (int row = 0; row < output.GetLength(1); row++)
            {
                for (int column = 0; column < input.GetLength(1); column++)
                    output[token, row] += input[token, column] * weight[row, column];
            }
        }
        return output;
    }

    /// <summary>(x − mean) / sqrt(variance + epsilon) · weight.</summary>
    public static double[,] LayerNorm(double[,] input, double[,] weight, double epsilon)
    {
        int columns = input.GetLength(1);
        var output = new double[input.GetLength(0), columns];
        for (int token = 0; token < input.GetLength(0); token++)
        {
            double mean = 0, variance = 0;
            for (int column = 0; column < columns; column++)
                mean += input[token, column] / columns;
            for (int column = 0; column < columns; column++)
                variance += Math.Pow(input[token, column] - mean, 2) / columns;
            for (int column = 0; column < columns; column++)
                output[token, column] = (input[token, column] - mean) / Math.Sqrt(variance + epsilon) * weight[0, column];
        }
        return output;
    }

    /// <summary>w2ᵀ(silu(w1 x) ⊙ (v1 x)) of one row.</summary>
    public static double[] Expert(double[,] w1, double[,] v1, double[,] w2, double[,] input, int token)
    {
        int columns = input.GetLength(1);
        var output = new double[columns];
        for (int neuron = 0; neuron < w1.GetLength(0); neuron++)
        {
            double gate = 0, value = 0;
            for (int column = 0; column < columns; column++)
            {
                gate += w1[neuron, column] * input[token, column];
                value += v1[neuron, column] * input[token, column];
            }
            double hidden = gate / (1 + Math.Exp(-gate)) * value;
            for (int column = 0; column < columns; column++)
                output[column] += hidden * w2[neuron, column];
        }
        return output;
    }

    /// <summary>Rotate-half RoPE of one head: pairs (i, i + headDim/2) turn by position · theta^(−2i/headDim).</summary>
    public static double[] Rotate(double[] head, double theta, int position)
    {
        int pairs = head.Length / 2;
        var output = new double[head.Length];
        for (int pair = 0; pair < pairs; pair++)
        {
            double angle = position * Math.Pow(theta, -2.0 * pair / head.Length);
            output[pair] = (head[pair] * Math.Cos(angle)) - (head[pairs + pair] * Math.Sin(angle));
            output[pairs + pair] = (head[pairs + pair] * Math.Cos(angle)) + (head[pair] * Math.Sin(angle));
        }
        return output;
    }

    /// <summary>softmax(q · keys / √headDim) · values over the first <paramref name="count"/> positions.</summary>
    public static double[] Attend(double[] q, Func<int, double[]> key, Func<int, double[]> value, int count)
    {
        var scores = new double[count];
        for (int position = 0; position < count; position++)
            scores[position] = q.Zip(key(position), (a, b) => a * b).Sum() / Math.Sqrt(q.Length);
        double largest = scores.Max();
        double sum = scores.Sum(score => Math.Exp(score - largest));
        var output = new double[q.Length];
        for (int position = 0; position < count; position++)
        {
            double weight = Math.Exp(scores[position] - largest) / sum;
            double[] row = value(position);
            for (int index = 0; index < output.Length; index++)
                output[index] += weight * row[index];
        }
        return output;
    }
}
