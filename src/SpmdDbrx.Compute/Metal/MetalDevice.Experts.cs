namespace SpmdDbrx.Compute.Metal;

// SwiGLU experts (experts.metal).
public sealed unsafe partial class MetalDevice
{
    private const int NeuronsPerSimdgroup = 2;
    private const int UpSimdgroups = 8;
    private const int DownSimdgroups = 16;
    private const int DownColumns = 128;
    private const int TileNeurons = TileOutputs / 2;

    private readonly List<ExpertDispatch> expertDispatches = [];
    private WeightKernels expertUp = null!;
    private WeightKernels expertDown = null!;
    private WeightKernels expertUpTiled = null!;
    private WeightKernels expertDownTiled = null!;
    private Kernel combineExperts = null!;
    private ScratchBuffer expertHidden = null!;
    private ScratchBuffer expertResults = null!;

    public void RunExperts(ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, Activations input, Activations output)
    {
        ArgumentNullException.ThrowIfNull(assignments);
        if (assignments.AreShared)
            throw CannotShare();
        if (output.Rows == 0)
            return;
        Binding results = expertResults.Write(Math.Max(1, (long)assignments.Count * output.Columns));
        ListDispatches(experts, assignments, results, output.Columns);
        // All first halves, then all second halves: two barriers however many experts there are.
        foreach (ExpertDispatch dispatch in expertDispatches)
            RunUp(dispatch, input);
        foreach (ExpertDispatch dispatch in expertDispatches)
            RunDown(dispatch);
        Combine(assignments, results, output);
    }

    private void ListDispatches(ReadOnlySpan<ExpertWeights> experts, ExpertAssignments assignments, Binding results, int columns)
    {
        expertDispatches.Clear();
        long hiddenFloats = 0;
        for (int group = 0; group < assignments.ExpertCount; group++)
            hiddenFloats += (long)(assignments.Start(group + 1) - assignments.Start(group)) * experts[assignments.Expert(group)].W1.Rows;
        Binding hidden = expertHidden.Write(Math.Max(1, hiddenFloats));
        Binding inputRows = encodingUploads.Put(assignments.InputRows);
        long hiddenByte = 0;
        for (int group = 0; group < assignments.ExpertCount; group++)
        {
            int start = assignments.Start(group), count = assignments.Start(group + 1) - start;
            if (count == 0)
                continue;
            ExpertWeights weights = experts[assignments.Expert(group)];
            RequireExperts([weights]);
            if (weights.W1.StripCount != weights.V1.StripCount || weights.W1.StripCount != weights.W2.StripCount)
                throw new ArgumentException("RunExperts: an expert's matrices are not stored in equally many strips");
            long hiddenBytes = (long)count * weights.W1.Rows * sizeof(float);
            expertDispatches.Add(new ExpertDispatch(
                weights, count,
                inputRows.Part((long)start * sizeof(int), (long)count * sizeof(int)),
                hidden.Part(hiddenByte, hiddenBytes),
                results.Part((long)start * columns * sizeof(float), (long)count * columns * sizeof(float))));
            hiddenByte += hiddenBytes;
        }
    }

    private void RunUp(in ExpertDispatch expert, Activations input)
    {
        Binding gate = Binding.Read(expert.Weights.W1), up = Binding.Read(expert.Weights.V1), x = Binding.Read(input);
        bool wide = IsWide(expert.Weights.W1, gate) && IsWide(expert.Weights.V1, up) && x.IsAligned(16);
        ReadOnlySpan<Binding> bindings = [gate, up, x, expert.InputRows, expert.Hidden];
        if (expert.Assignments > MostRowTokens)
        {
            Kernel tiled = expertUpTiled.For(expert.Weights.W1.Type, wide);
            MetalSize tiles = MetalSize.Of(Ceiling(expert.Neurons, TileNeurons), Ceiling(expert.Assignments, TileTokens));
            stream.Dispatch(nameof(RunExperts), tiled, tiles, tiled.ExactThreads(TileThreads), bindings, expert.Shape, TileBytes);
            return;
        }
        Kernel rows = expertUp.For(expert.Weights.W1.Type, wide);
        int threads = rows.Threads(UpSimdgroups * Kernel.SimdWidth);
        MetalSize groups = MetalSize.Of(Ceiling(expert.Neurons, threads / Kernel.SimdWidth * NeuronsPerSimdgroup), expert.Assignments);
        stream.Dispatch(nameof(RunExperts), rows, groups, threads, bindings, expert.Shape);
    }

    private void RunDown(in ExpertDispatch expert)
    {
        Binding down = Binding.Read(expert.Weights.W2), hidden = expert.Hidden with { Written = false };
        bool wide = IsWide(expert.Weights.W2, down);
        ReadOnlySpan<Binding> bindings = [down, hidden, expert.Results];
        if (expert.Assignments > MostRowTokens)
        {
            Kernel tiled = expertDownTiled.For(expert.Weights.W2.Type, wide);
            MetalSize tiles = MetalSize.Of(Ceiling(expert.Columns, TileOutputs), Ceiling(expert.Assignments, TileTokens));
            stream.Dispatch(nameof(RunExperts), tiled, tiles, tiled.ExactThreads(TileThreads), bindings, expert.Shape, TileBytes);
            return;
        }
        Kernel rows = expertDown.For(expert.Weights.W2.Type, wide);
        int threads = rows.Threads(DownSimdgroups * Kernel.SimdWidth);
        stream.Dispatch(nameof(RunExperts), rows, MetalSize.Of(Ceiling(expert.Columns, DownColumns), expert.Assignments), threads, bindings,
            expert.Shape, threads / Kernel.SimdWidth * DownColumns * sizeof(float));
    }

    /// <summary>output[r] = Σ weight · result over row r's assignments in ascending order, whatever order the experts ran in.</summary>
    private void Combine(ExpertAssignments assignments, Binding results, Activations output)
    {
        Span<int> rowStarts = encodingUploads.Reserve<int>(output.Rows + 1, out Binding startsBinding);
        Span<int> rowAssignments = encodingUploads.Reserve<int>(assignments.Count, out Binding assignmentsBinding);
        Binding weights = encodingUploads.Put(assignments.Weights);
        rowStarts.Clear();
        foreach (int row in assignments.OutputRows)
            rowStarts[row + 1]++;
        for (int row = 0; row < output.Rows; row++)
            rowStarts[row + 1] += rowStarts[row];
        // Placing moves every start to its row's end, which is the next row's start: shifted back below.
        for (int assignment = 0; assignment < assignments.Count; assignment++)
            rowAssignments[rowStarts[assignments.OutputRows[assignment]]++] = assignment;
        for (int row = output.Rows; row > 0; row--)
            rowStarts[row] = rowStarts[row - 1];
        rowStarts[0] = 0;
        stream.Dispatch(nameof(RunExperts), combineExperts, ElementwiseGroups(output.Columns, output.Rows), ElementwiseThreads,
            [results with { Written = false }, startsBinding, assignmentsBinding, weights, Binding.Write(output)], (uint)output.Columns);
    }
}
