namespace SpmdDbrx.Mpi;

/// <summary>A call into MPI failed. The message names the operation, the rank and MPI's own words.</summary>
public sealed class MpiException(string message) : Exception(message);
