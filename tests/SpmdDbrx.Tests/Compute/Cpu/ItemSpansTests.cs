using SpmdDbrx.Compute.Cpu;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

public sealed unsafe class ItemSpansTests : IDisposable
{
    private const int MaxSpans = 8;

    private readonly AlignedBuffer words = new(MaxSpans * ItemSpans.WordBytes);

    public void Dispose() => words.Dispose();

    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 100)]
    [InlineData(3, 7)]
    [InlineData(8, 5)]
    [InlineData(8, 0)]
    [InlineData(2, ItemSpans.MaxItems)]
    public void Claim_ByOneAlone_ReadsItsSpanFrontToBackAndThenTheOthersFromTheirEnds(int spans, int items)
    {
        ItemSpans work = new(words.Pointer, spans);
        int own = spans / 2;
        int next = (int)((long)items * own / spans);
        int end = (int)((long)items * (own + 1) / spans);
        bool[] claimed = new bool[items];
        int[] ends = [.. Enumerable.Range(1, spans).Select(span => (int)((long)items * span / spans))];
        while (work.Claim(1, items, own, out int first, out int count))
        {
            if (next < end)
            {
                Assert.Equal(next, first);
                next = first + count;
            }
            else
            {
                int span = Array.IndexOf(ends, first + count);
                Assert.True(span >= 0, $"items {first} to {first + count - 1} are no span's last ones");
                ends[span] = first;
            }
            for (int item = first; item < first + count; item++)
            {
                Assert.False(claimed[item], $"item {item} was claimed twice");
                claimed[item] = true;
            }
        }
        Assert.DoesNotContain(false, claimed);
    }

    [Fact]
    public void Claim_AnothersSpan_LeavesItTheFront()
    {
        ItemSpans work = new(words.Pointer, 2);
        while (work.Claim(1, 32, 0, out int first, out _) && first < 16)
        {
        }
        // The last claim was of the other span's 16 items, two of them.
        Assert.True(work.Claim(1, 32, 1, out int front, out int frontCount));
        Assert.Equal((16, 2), (front, frontCount));
        Assert.True(work.Claim(1, 32, 0, out int back, out int backCount));
        Assert.Equal((28, 2), (back, backCount));
    }

    [Fact]
    public void Claim_OfAnOlderCall_ClaimsNothing()
    {
        ItemSpans work = new(words.Pointer, 2);
        Assert.True(work.Claim(5, 10, 0, out _, out _));
        Assert.True(work.Claim(5, 10, 1, out _, out _));
        Assert.False(work.Claim(4, 10, 0, out _, out _));
    }

    /// <summary>A span that is empty for so long that the numbers of calls begin again must not look newer than the call.</summary>
    [Fact]
    public void Claim_SpanThatWasEmptyForLong_IsFull()
    {
        ItemSpans work = new(words.Pointer, 2);
        const uint Step = 1u << (ItemSpans.CallBits - 2);
        uint call = 1;
        for (int round = 0; round < 6; round++, call = (call + Step) & ((1u << ItemSpans.CallBits) - 1))
            while (work.Claim(call, 1, 0, out _, out _) || work.Claim(call, 1, 1, out _, out _))
            {
            }
        int ran = 0;
        while (work.Claim(call, 10, 0, out _, out int count))
            ran += count;
        Assert.Equal(10, ran);
    }

    /// <summary>Two claimants for each span, who go to the next call when all items have run, however far others have come.</summary>
    [Fact]
    public void Claim_ByManyAtOnce_EveryItemOnce()
    {
        const int MaxItems = 300;
        const int Calls = 3000;
        int[] ran = new int[MaxItems];
        long total = 0;
        Exception?[] failures = new Exception?[2 * MaxSpans];
        ItemSpans work = new(words.Pointer, MaxSpans);
        using Barrier start = new(failures.Length);
        Thread[] claimants = [.. Enumerable.Range(0, failures.Length).Select(claimant => new Thread(() => failures[claimant] = Record.Exception(() =>
        {
            start.SignalAndWait();
            long before = 0;
            for (uint call = 1; call <= Calls; call++)
            {
                int items = call % 5 == 0 ? MaxItems : (int)call % 7;
                while (work.Claim(call, items, claimant / 2, out int first, out int count))
                {
                    for (int item = first; item < first + count; item++)
                        Interlocked.Increment(ref ran[item]);
                    Interlocked.Add(ref total, count);
                }
                before += items;
                while (Volatile.Read(ref total) < before)
                    Thread.Yield();
            }
        })))];
        foreach (Thread claimant in claimants)
            claimant.Start();
        foreach (Thread claimant in claimants)
            Assert.True(claimant.Join(TimeSpan.FromMinutes(1)), "a claimant hangs");
        Assert.All(failures, Assert.Null);
        for (int item = 0; item < MaxItems; item++)
            Assert.Equal(Enumerable.Range(1, Calls).Count(call => item < (call % 5 == 0 ? MaxItems : call % 7)), ran[item]);
    }

    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(1, 0, -1)]
    [InlineData(7, 7, 0)]
    [InlineData((1 << ItemSpans.CallBits) - 1, 0, 1)]
    [InlineData(2, (1 << ItemSpans.CallBits) - 2, -4)]
    public void Behind_NumbersThatBeginAgain_Counts(uint call, uint other, int expected) => Assert.Equal(expected, ItemSpans.Behind(call, other));
}
