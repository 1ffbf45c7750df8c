using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace SpmdDbrx.Model;

/// <summary>A few threads that take large pieces of work one at a time.</summary>
public static class Workers
{
    /// <summary>Runs <paramref name="work"/> on every item; the first failure stops all and is thrown as it was.</summary>
    /// <param name="items">Taken in order, one at a time: no thread keeps a batch that another could do.</param>
    /// <param name="threads">Most threads at a time.</param>
    /// <param name="createState">Buffers of a thread.</param>
    /// <param name="work">The work on one item with the thread's buffers.</param>
    /// <param name="cancellation">Stops before the next item.</param>
    public static void Run<TItem, TState>(IEnumerable<TItem> items, int threads, Func<TState> createState, Action<TItem, TState> work, CancellationToken cancellation)
    {
        ParallelOptions options = new() { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        try
        {
            Parallel.ForEach(Partitioner.Create(items, EnumerablePartitionerOptions.NoBuffering), options, createState, (item, _, state) =>
            {
                work(item, state);
                return state;
            }, _ => { });
        }
        catch (AggregateException errors)
        {
            // Cancelled work that reports it itself must not hide why it was cancelled.
            ExceptionDispatchInfo.Throw(errors.InnerExceptions.FirstOrDefault(error => error is not OperationCanceledException) ?? errors.InnerExceptions[0]);
        }
    }
}
