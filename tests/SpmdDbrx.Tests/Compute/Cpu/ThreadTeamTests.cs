using SpmdDbrx.Compute.Cpu;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

public unsafe class ThreadTeamTests
{
    private const int MaxItems = 1000;

    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 100)]
    [InlineData(5, 0)]
    public void Run_ManyCalls_RunsEveryItemOnce(int threads, int spinMicroseconds)
    {
        using ThreadTeam team = new(threads, spinMicroseconds);
        int* counts = stackalloc int[MaxItems];
        for (int call = 0; call < 3000; call++)
        {
            int items = call % 37 == 0 ? call % MaxItems : call % 7;
            new Span<int>(counts, MaxItems).Clear();
            CountingWork work = new(counts, threads);
            team.Run(items, ref work);
            for (int item = 0; item < MaxItems; item++)
                Assert.Equal(item < items ? 1 : 0, counts[item]);
        }
    }

    [Fact]
    public void Run_AfterWorkersParked_RunsEveryItem()
    {
        using ThreadTeam team = new(3, spinMicroseconds: 0);
        int* counts = stackalloc int[MaxItems];
        for (int call = 0; call < 20; call++)
        {
            Thread.Sleep(2);
            new Span<int>(counts, MaxItems).Clear();
            CountingWork work = new(counts, 3);
            team.Run(100, ref work);
            Assert.Equal(100, new Span<int>(counts, MaxItems).ToArray().Sum());
        }
    }

    [Fact]
    public void Run_MoreItemsThanWordsHold_Throws()
    {
        using ThreadTeam team = new(2, spinMicroseconds: 100);
        CountingWork work = new(null, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => team.Run(ItemSpans.MaxItems + 1, ref work));
    }

    [Fact]
    public void Run_LongItems_AreSharedOut()
    {
        using ThreadTeam team = new(2, spinMicroseconds: 1000);
        int* ran = stackalloc int[2];
        new Span<int>(ran, 2).Clear();
        SleepingWork work = new(ran);
        team.Run(40, ref work);
        Assert.Equal(40, ran[0] + ran[1]);
        Assert.True(ran[1] > 0, "the second thread ran nothing");
    }

    [Fact]
    public void Run_ItemThrows_ThrowsInTheCallerAndStaysUsable()
    {
        using ThreadTeam team = new(2, spinMicroseconds: 100);
        int* counts = stackalloc int[MaxItems];
        for (int call = 0; call < 50; call++)
        {
            new Span<int>(counts, MaxItems).Clear();
            FailingWork failing = new(failingItem: call % 10);
            InvalidOperationException thrown = Assert.Throws<InvalidOperationException>(() => team.Run(10, ref failing));
            Assert.Equal($"item {call % 10}", thrown.Message);
            CountingWork work = new(counts, 2);
            team.Run(10, ref work);
            Assert.Equal(10, new Span<int>(counts, MaxItems).ToArray().Sum());
        }
    }

    private readonly struct CountingWork(int* counts, int threads) : IParallelWork
    {
        public void Run(int item, int thread)
        {
            Assert.InRange(thread, 0, threads - 1);
            Interlocked.Increment(ref counts[item]);
        }
    }

    private readonly struct SleepingWork(int* ran) : IParallelWork
    {
        public void Run(int item, int thread)
        {
            Interlocked.Increment(ref ran[thread]);
            Thread.Sleep(5);
        }
    }

    private readonly struct FailingWork(int failingItem) : IParallelWork
    {
        public void Run(int item, int thread)
        {
            if (item == failingItem)
                throw new InvalidOperationException($"item {item}");
        }
    }
}
