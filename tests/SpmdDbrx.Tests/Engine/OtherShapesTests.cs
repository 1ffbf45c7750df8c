using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using SpmdDbrx.Model.Synthetic;
using Xunit;

namespace SpmdDbrx.Tests.Engine;

/// <summary>Models of other sizes than the golden one, against the plain float64 decoder.</summary>
public sealed class OtherShapesTests : IDisposable
{
    // Synthetic logits are of order 1; float32 sums of this length are exact to 1e-5.
    private const double Tolerance = 1e-4;
    private static readonly int[] Prompt = [5, 17, 3, 99, 0, 42, 42, 7, 63];
    private readonly string folder = Directory.CreateTempSubdirectory("spmd-shapes-").FullName;

    private static readonly ModelConfig EightExperts = new()
    {
        Architecture = "dbrx", HiddenDim = 96, LayerCount = 3, HeadCount = 6, KvHeadCount = 2, HeadDim = 16, ClipQkv = null, RopeTheta = 10000,
        ExpertCount = 8, TopK = 2, ExpertHiddenDim = 40, RouterNormalizationPower = null, VocabularySize = 131, ContextLength = 64,
        WeightType = ElementType.BFloat16,
    };

    public static TheoryData<string, ModelConfig> Shapes() => new()
    {
        { "8 experts top-2, no clip, no normalisation, odd vocabulary", EightExperts },
        { "p = 2, clip that bites, float16", EightExperts with { RouterNormalizationPower = 2, ClipQkv = 0.5f, WeightType = ElementType.Float16 } },
        { "one key/value head, float32", EightExperts with { KvHeadCount = 1, WeightType = ElementType.Float32, LayerCount = 1 } },
        { "top-1 of 3, odd sizes", EightExperts with { HiddenDim = 60, HeadCount = 5, KvHeadCount = 5, HeadDim = 12, ExpertCount = 3, TopK = 1, ExpertHiddenDim = 37 } },
        { "all of 4 experts", EightExperts with { ExpertCount = 4, TopK = 4, ExpertHiddenDim = 5 } },
        { "rows of two strips", EightExperts with { HiddenDim = 2304, LayerCount = 1, HeadCount = 18, HeadDim = 128, ExpertCount = 4, ExpertHiddenDim = 37 } },
        { "20 experts: two words of routing check", EightExperts with { ExpertCount = 20, TopK = 6 } },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Logits_OtherShape_AgreeWithTheReferenceOnAnyRanks(string name, ModelConfig config)
    {
        string checkpoint = Path.Combine(folder, "checkpoint");
        string prestacked = Path.Combine(folder, "prestacked");
        SyntheticCheckpoint.Write(config, checkpoint, new SyntheticOptions());
        Prestacker.Run(checkpoint, prestacked, new PrestackOptions());
        double[][] expected = new ReferenceDecoder(ModelDirectory.Open(checkpoint)).Logits(Prompt);

        foreach (string model in new[] { checkpoint, prestacked })
        {
            foreach (int ranks in new[] { 1, 2, Math.Min(4, config.ExpertCount) })
            {
                float[][] found = SessionRunner.Logits(ranks, model, new EngineOptions { BatchTokens = 4 }, Prompt);
                Compare(expected, found, $"{name}, {Path.GetFileName(model)}, {ranks} ranks");
            }
        }
        Compare(expected, SessionRunner.Logits(3, prestacked, new EngineOptions { Partition = Partition.Slices }, Prompt), $"{name}, slices");
    }

    private static void Compare(double[][] expected, float[][] found, string what)
    {
        Assert.Equal(expected.Length, found.Length);
        for (int position = 0; position < expected.Length; position++)
        {
            for (int token = 0; token < expected[position].Length; token++)
            {
                double difference = Math.Abs(expected[position][token] - found[position][token]);
                Assert.True(difference < Tolerance, $"{what}: position {position}, token {token}: expected {expected[position][token]}, found {found[position][token]}");
            }
        }
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
