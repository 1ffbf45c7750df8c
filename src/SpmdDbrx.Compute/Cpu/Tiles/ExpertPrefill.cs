namespace SpmdDbrx.Compute.Cpu;

/// <summary>Experts with many tokens, at arithmetic speed: waves of matrix-matrix products over as many tokens as the scratch memory may hold.</summary>
internal static unsafe class ExpertPrefill<TVector, TFormat>
    where TVector : unmanaged, IFloatVector<TVector>
    where TFormat : struct, ITileFormat
{
    /// <summary>Scratch memory of a wave.</summary>
    private const long WaveBytes = 128 << 20;

    /// <summary>Groups of a wave.</summary>
    private const int MaxGroups = 64;

    /// <summary>output[outputRow] += weight · expert(input[inputRow]) for all tokens of all experts.</summary>
    public static void Run(ThreadTeam team, Scratch scratch, ReadOnlySpan<ExpertTokens> experts, RowPointer input, RowPointer output)
    {
        long tokenBytes = sizeof(float) * (experts[0].W1.Rows + (2L * input.Columns));
        int waveTokens = (int)Math.Max(4 * Tile<TVector>.Lanes, WaveBytes / tokenBytes);
        ExpertTokens* wave = stackalloc ExpertTokens[MaxGroups];
        for (int expert = 0, start = 0; expert < experts.Length;)
        {
            int groups = 0;
            for (int taken = 0; taken < waveTokens && groups < MaxGroups && expert < experts.Length;)
            {
                int count = Math.Min(waveTokens - taken, experts[expert].Count - start);
                wave[groups++] = experts[expert].Slice(start, count);
                taken += count;
                start += count;
                if (start == experts[expert].Count)
                    (expert, start) = (expert + 1, 0);
            }
            RunWave(team, scratch, new ReadOnlySpan<ExpertTokens>(wave, groups), input, output);
        }
    }

    private static void RunWave(ThreadTeam team, Scratch scratch, ReadOnlySpan<ExpertTokens> wave, RowPointer input, RowPointer output)
    {
        int neurons = wave[0].W1.Rows;
        ExpertGroup* groups = stackalloc ExpertGroup[MaxGroups];
        (int panels, int largest) = Place(scratch, wave, input.Columns, neurons, groups);

        var pack = new ExpertPack<TFormat>(groups, input);
        team.Run(panels, ref pack);

        int blocks = (neurons + ExpertUp<TVector, TFormat>.Neurons - 1) / ExpertUp<TVector, TFormat>.Neurons;
        long length = ExpertUp<TVector, TFormat>.ScratchLength(largest);
        var up = new ExpertUp<TVector, TFormat>(groups, blocks, scratch.Threads.Floats(length * team.Count), length);
        team.Run(wave.Length * blocks, ref up);

        blocks = ExpertDown<TVector, TFormat>.BlockCount(wave[0].W2);
        length = ExpertDown<TVector, TFormat>.ScratchLength(largest);
        var down = new ExpertDown<TVector, TFormat>(groups, blocks, scratch.Threads.Floats(length * team.Count), length);
        team.Run(wave.Length * blocks, ref down);

        var scatter = new ExpertScatter<TVector>(groups, wave.Length, output);
        team.Run((output.Columns + ExpertScatter<TVector>.Columns - 1) / ExpertScatter<TVector>.Columns, ref scatter);
    }

    /// <summary>Gives every group its place in scratch memory; returns the panels of all groups and of the largest.</summary>
    private static (int Panels, int Largest) Place(Scratch scratch, ReadOnlySpan<ExpertTokens> wave, int columns, int neurons, ExpertGroup* groups)
    {
        var inputs = new Panels(0, TFormat.Cells(columns), Tile<TVector>.Lanes, 0);
        Panels hidden = inputs with { Rows = TFormat.Cells(neurons) };
        (int panels, int largest, int tokens) = (0, 0, 0);
        foreach (ref readonly ExpertTokens expert in wave)
        {
            int count = (inputs with { Tokens = expert.Count }).Count;
            panels += count;
            largest = Math.Max(largest, count);
            tokens += expert.Count;
        }
        float* input = scratch.Inputs.Floats((long)panels * inputs.Rows * inputs.Lanes);
        float* sums = scratch.Sums.Floats((long)panels * hidden.Rows * hidden.Lanes);
        float* results = scratch.Results.Floats((long)tokens * columns);
        for (int index = 0; index < wave.Length; index++)
        {
            inputs = inputs with { First = (nint)input, Tokens = wave[index].Count };
            hidden = hidden with { First = (nint)sums, Tokens = wave[index].Count };
            groups[index] = new ExpertGroup(wave[index], inputs, hidden, results);
            input += inputs.Length;
            sums += hidden.Length;
            results += (long)wave[index].Count * columns;
        }
        return (panels, largest);
    }
}
