using SpmdDbrx.Compute;
using SpmdDbrx.Engine.Decoding;
using SpmdDbrx.Engine.Sampling;
using SpmdDbrx.Engine.Session;
using SpmdDbrx.Model.Tokenization;

namespace SpmdDbrx.Engine.Generation;

/// <summary>Turns prompts into text. Every rank runs it with the same request and leaves each step with the same token.</summary>
/// <param name="session">The model.</param>
/// <param name="tokenizer">Decodes tokens for stop texts and streaming; null when the model has none.</param>
public sealed class Generator(RankSession session, Tokenizer? tokenizer)
{
    private readonly Decoder decoder = session.Decoder;
    private readonly List<int> cached = [];
    private int lastRow;

    /// <summary>Generates one text. Tokens that the previous call left in the KV cache are not computed again.</summary>
    /// <exception cref="EngineException">The prompt is empty, holds unknown ids or does not fit the context.</exception>
    /// <exception cref="PeerFailedException">The same, on all ranks but the first.</exception>
    /// <exception cref="RankDisagreementException">Requests or replicas differ.</exception>
    public GenerationResult Run(GenerationRequest request)
    {
        RankAgreement.Step(session.World, "checking the prompt", () => RequireFittingPrompt(request.PromptTokens));
        RequireAgreement(request);
        Sampler sampler = new(request.Sampling, session.Model.Config.VocabularySize);
        StopTextFilter filter = new(request.StopTexts);
        StreamingDecoder? text = tokenizer is null ? null : new StreamingDecoder(tokenizer);
        List<int> tokens = [];
        FinishReason finish = FinishReason.Length;

        PhaseStatistics start = PhaseStatistics.Read(session);
        session.World.Activity.Begin("prefill", "layer");
        int prefilled = Prefill(request);
        int position = request.PromptTokens.Count;
        int next = request.MaxTokens > 0 ? SampleNext(sampler, position - 1) : 0;
        PhaseStatistics afterPrompt = PhaseStatistics.Read(session);
        session.World.Activity.Begin("decode", "layer");
        while (tokens.Count < request.MaxTokens)
        {
            tokens.Add(next);
            if (request.StopTokens.Contains(next))
            {
                finish = FinishReason.Stop;
                break;
            }
            string final = filter.Append(text?.Append(next) ?? "");
            request.OnText?.Invoke(final);
            if (filter.Stopped)
            {
                finish = FinishReason.Stop;
                break;
            }
            if (tokens.Count == request.MaxTokens || position == session.ContextLength)
                break;
            Step(next, position, request.OnLogits);
            next = SampleNext(sampler, position++);
        }
        string rest = filter.Append(text?.Flush() ?? "") + filter.Flush();
        request.OnText?.Invoke(rest);
        PhaseStatistics end = PhaseStatistics.Read(session);
        int steps = position - request.PromptTokens.Count;
        return new GenerationResult(
            tokens, filter.Passed, finish, afterPrompt.Since(start, prefilled), end.Since(afterPrompt, steps));
    }

    /// <summary>Feeds the part of the prompt that is not in the cache yet; leaves its last token's hidden state for sampling.</summary>
    private int Prefill(GenerationRequest request)
    {
        int known = request.OnLogits is null ? CommonPrefix(request.PromptTokens) : 0;
        int[] tokens = [.. request.PromptTokens];
        cached.RemoveRange(known, cached.Count - known);
        for (int start = known; start < tokens.Length; start += decoder.BatchCapacity)
        {
            Span<int> batch = tokens.AsSpan(start, Math.Min(decoder.BatchCapacity, tokens.Length - start));
            decoder.Forward(batch, start);
            cached.AddRange(batch);
            lastRow = batch.Length - 1;
            ReportLogits(request.OnLogits, start, batch.Length);
        }
        return tokens.Length - known;
    }

    /// <summary>Tokens at the start of the prompt that the cache holds; at least one is left to compute.</summary>
    private int CommonPrefix(IReadOnlyList<int> prompt)
    {
        int known = 0;
        while (known < cached.Count && known < prompt.Count - 1 && cached[known] == prompt[known])
            known++;
        return known;
    }

    private int SampleNext(Sampler sampler, int position)
    {
        int sampled = 0;
        if (session.Exchange.RunsAttention)
            sampled = sampler.Sample(decoder.Logits(lastRow, 1).Row(0), position);
        return session.Exchange.AgreeOnToken(sampled);
    }

    private void Step(int token, int position, LogitConsumer? onLogits)
    {
        Span<int> tokens = [token];
        decoder.Forward(tokens, position);
        cached.Add(token);
        lastRow = 0;
        ReportLogits(onLogits, position, 1);
    }

    private void ReportLogits(LogitConsumer? onLogits, int position, int count)
    {
        if (onLogits is null || !session.Exchange.RunsAttention)
            return;
        for (int first = 0; first < count; first += decoder.LogitCapacity)
        {
            Activations logits = decoder.Logits(first, Math.Min(decoder.LogitCapacity, count - first));
            for (int row = 0; row < logits.Rows; row++)
                onLogits(position + first + row, logits.Row(row));
        }
    }

    /// <summary>Ranks that end at different tokens, or feed different parts of the prompt, would wait for each other.</summary>
    private void RequireAgreement(GenerationRequest request) => RankAgreement.RequireSame(
        session.World,
        ("most tokens", $"{request.MaxTokens}"),
        ("sampling", $"{request.Sampling}"),
        ("stop tokens", string.Join(' ', request.StopTokens.Order())),
        ("stop texts", string.Join(' ', request.StopTexts.Select(text => $"{text.Length}:{text}"))),
        ("whether logits are written", $"{request.OnLogits is not null}"));

    private void RequireFittingPrompt(IReadOnlyList<int> prompt)
    {
        if (prompt.Count == 0)
            throw new EngineException("the prompt is empty: give at least one token");
        if (prompt.Count > session.ContextLength)
        {
            throw new EngineException(
                $"the prompt has {prompt.Count} tokens, the context holds {session.ContextLength}: shorten it or raise --context "
                + $"(the model's limit is {session.Model.Config.ContextLength})");
        }
        int vocabularySize = session.Model.Config.VocabularySize;
        foreach (int token in prompt)
        {
            if (token < 0 || token >= vocabularySize)
                throw new EngineException($"the prompt holds token {token}: expected 0 to {vocabularySize - 1}");
        }
    }
}
