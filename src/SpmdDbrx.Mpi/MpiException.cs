namespace SpmdDbrx.Mpi;

/// <summary>Communication failed. The message names the operation and gives MPI's own words, or says which rank failed.</summary>
public sealed class MpiException : Exception
{
    public MpiException(string message)
        : base(message)
    {
    }

    public MpiException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
