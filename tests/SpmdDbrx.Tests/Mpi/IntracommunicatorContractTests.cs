using SpmdDbrx.Mpi;
using SpmdDbrx.MpiTests;

namespace SpmdDbrx.Tests.Mpi;

// The native world runs the same contract under mpiexec, in SpmdDbrx.MpiTests.
public sealed class SingleRankCommunicatorTests : IntracommunicatorContract
{
    protected override void OnEveryRank(Action<Intracommunicator> check)
    {
        using SingleRankCommunicator world = new();
        check(world);
    }
}

public sealed class InProcessWorldOf1Tests() : InProcessWorldContract(1);

public sealed class InProcessWorldOf2Tests() : InProcessWorldContract(2);

public sealed class InProcessWorldOf3Tests() : InProcessWorldContract(3);

public sealed class InProcessWorldOf4Tests() : InProcessWorldContract(4);

public abstract class InProcessWorldContract(int ranks) : IntracommunicatorContract
{
    protected override void OnEveryRank(Action<Intracommunicator> check) => InProcessWorld.Run(ranks, check);
}
