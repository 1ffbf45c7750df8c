using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Generation;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Mpi;

namespace SpmdDbrx.Tests.Engine;

/// <summary>Runs sessions on an in-process world.</summary>
internal static class SessionRunner
{
    /// <summary>Greedy tokens that every rank ended with, in rank order.</summary>
    public static int[][] Generate(int ranks, string modelPath, EngineOptions options, int[] prompt, int maxTokens)
    {
        int[][] tokens = new int[ranks][];
        Run(ranks, modelPath, options, session =>
        {
            GenerationRequest request = new() { PromptTokens = prompt, MaxTokens = maxTokens };
            tokens[session.World.Rank] = [.. new Generator(session, tokenizer: null).Run(request).Tokens];
        });
        return tokens;
    }

    /// <summary>Logits of every position on rank 0, [positions][vocabulary], then the greedy continuation's.</summary>
    public static float[][] Logits(int ranks, string modelPath, EngineOptions options, int[] prompt, int maxTokens = 1)
    {
        List<float[]> logits = [];
        Run(ranks, modelPath, options, session => new Generator(session, tokenizer: null).Run(new GenerationRequest
        {
            PromptTokens = prompt,
            MaxTokens = maxTokens,
            OnLogits = (_, row) =>
            {
                if (session.World.Rank == 0)
                    logits.Add(row.ToArray());
            },
        }));
        return [.. logits];
    }

    /// <summary>Opens a session on every rank and runs <paramref name="body"/> in it.</summary>
    public static void Run(int ranks, string modelPath, EngineOptions options, Action<RankSession> body, int threads = 1) =>
        InProcessWorld.Run(ranks, world =>
        {
            using CpuDevice device = new(threads);
            using RankSession session = RankSession.Open(world, device, modelPath, options);
            body(session);
        });
}
