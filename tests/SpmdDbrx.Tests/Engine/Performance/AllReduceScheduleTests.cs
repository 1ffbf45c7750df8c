using SpmdDbrx.Engine.Performance.Simulation;
using Xunit;

namespace SpmdDbrx.Tests.Engine.Performance;

public class AllReduceScheduleTests
{
    [Fact]
    public void Exchange_EveryRankCountAndStepCount_AddsEveryRankOnceEverywhere()
    {
        for (int rankCount = 1; rankCount <= 40; rankCount++)
        {
            AssertSums(AllReduceSchedule.RecursiveDoubling(rankCount), rankCount);
            AssertSums(AllReduceSchedule.Direct(rankCount), rankCount);
            for (int steps = 1; 1 << steps <= rankCount; steps++)
                AssertSums(AllReduceSchedule.InSteps(rankCount, steps), rankCount);
        }
    }

    [Theory]
    [InlineData(8, 3)]
    [InlineData(1024, 10)]
    [InlineData(6, 4)] // 2 steps among 4, and one before and after for the two beyond
    [InlineData(1, 0)]
    public void RecursiveDoubling_HasLogarithmicSteps(int rankCount, int steps) =>
        Assert.Equal(steps, AllReduceSchedule.RecursiveDoubling(rankCount).StepCount);

    [Fact]
    public void Ring_SendsAndReceivesOnePartOfTheVectorInEveryStep()
    {
        AllReduceSchedule ring = AllReduceSchedule.Ring(5);
        Assert.Equal((8, 0.2), (ring.StepCount, ring.ShareOfVector));
        Assert.All(Enumerable.Range(0, 8), step => Assert.Equal([4], ring.Receivers(3, step)));
    }

    [Theory]
    [InlineData(1e-3, 1e-6, "1024")]  // latency is everything: one step
    [InlineData(1e-6, 1e-3, "2^10")]  // messages are everything: as few as possible
    [InlineData(1e-3, 2e-5, "32^2")]
    public void Fastest_TradesStepsAgainstMessages(double latencySeconds, double transferSeconds, string expected) =>
        Assert.Equal(expected, AllReduceSchedule.Fastest(1024, latencySeconds, 0, transferSeconds).Name);

    /// <summary>Runs the schedule on vectors that count, per rank, how often its contribution is in.</summary>
    private static void AssertSums(AllReduceSchedule schedule, int rankCount)
    {
        int[][] sums = [.. Enumerable.Range(0, rankCount).Select(rank => Enumerable.Range(0, rankCount).Select(other => other == rank ? 1 : 0).ToArray())];
        bool folds = rankCount > 1 && schedule.ReceiveCount(rankCount - 1, schedule.StepCount - 1) == 1
            && schedule.Receivers(rankCount - 1, schedule.StepCount - 1).ToArray() is [];
        for (int step = 0; step < schedule.StepCount; step++)
        {
            int[][] before = [.. sums.Select(sum => sum.ToArray())];
            int[] receives = new int[rankCount];
            for (int sender = 0; sender < rankCount; sender++)
            {
                foreach (int receiver in schedule.Receivers(sender, step))
                {
                    receives[receiver]++;
                    for (int index = 0; index < rankCount; index++)
                        sums[receiver][index] = folds && step == schedule.StepCount - 1 ? before[sender][index] : sums[receiver][index] + before[sender][index];
                }
            }
            Assert.Equal(Enumerable.Range(0, rankCount).Select(rank => schedule.ReceiveCount(rank, step)), receives);
        }
        Assert.All(sums, sum => Assert.All(sum, count => Assert.Equal(1, count)));
    }
}
