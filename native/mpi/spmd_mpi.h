/* The C side of SpmdDbrx.Mpi: the dozen MPI calls the engine needs, behind one ABI that is the same for every MPI.
 *
 * Why a shim: MPI fixes source names, not binary values. MPI_COMM_WORLD, MPI_FLOAT or MPI_IN_PLACE are addresses of
 * objects in Open MPI and integers in MPICH, so C# cannot name them; mpicc can. It is compiled once for each MPI.
 *
 * Handles: no MPI handle crosses this border. C# sees a communicator as an opaque pointer, which is valid from the call
 * that returned it until spmd_mpi_free (never called for the world, which lives until spmd_mpi_finish).
 * Element types and reductions are the small integers below.
 *
 * Errors: every function returns MPI_SUCCESS (0) or MPI's error code; spmd_mpi_error_text words it. The library asks MPI
 * to return errors (MPI_ERRORS_RETURN) where MPI by itself would kill the process.
 *
 * Threads: MPI_THREAD_FUNNELED. Only the thread that called spmd_mpi_start may call the rest; those of ending.c alone
 * may come from any thread, because a watchdog or a signal handler must be able to end a job whose main thread waits.
 *
 * Sizes are 64-bit; messages longer than spmd_mpi_set_part_bytes are cut into parts, since an MPI count is an int. */
#ifndef SPMD_MPI_H
#define SPMD_MPI_H

#include <mpi.h>
#include <stdint.h>

#define SPMD_API __attribute__((visibility("default")))

enum spmd_element { SPMD_UINT8, SPMD_INT32, SPMD_INT64, SPMD_FLOAT32, SPMD_FLOAT64 };
enum spmd_reduction { SPMD_ADD, SPMD_MAX, SPMD_MIN };

struct spmd_communicator {
    MPI_Comm handle;
    int yields; /* the same on all ranks: a waiting rank gives up its core, see waiting.c */
};

/* communicator.c */
SPMD_API int spmd_mpi_start(struct spmd_communicator **world);
SPMD_API int spmd_mpi_finish(void);
SPMD_API int spmd_mpi_describe(const struct spmd_communicator *communicator, int *rank, int *size, int *yields);
SPMD_API int spmd_mpi_split(const struct spmd_communicator *parent, int color, int key, struct spmd_communicator **child);
SPMD_API int spmd_mpi_split_by_host(const struct spmd_communicator *parent, struct spmd_communicator **child);
SPMD_API int spmd_mpi_free(struct spmd_communicator *communicator);
SPMD_API int spmd_mpi_library_version(char *text, int capacity);
SPMD_API int spmd_mpi_error_text(int code, char *text, int capacity);

/* ending.c: from any thread */
SPMD_API int spmd_mpi_abort(const struct spmd_communicator *communicator, int exit_code);
SPMD_API void spmd_mpi_exit(int exit_code);
SPMD_API void spmd_mpi_exit_within(int seconds, int exit_code);
SPMD_API void spmd_mpi_end_stuck_launcher(void);

/* collective.c */
SPMD_API void spmd_mpi_set_part_bytes(int64_t bytes);
SPMD_API int spmd_mpi_barrier(const struct spmd_communicator *communicator);
SPMD_API int spmd_mpi_allreduce(const struct spmd_communicator *communicator, void *values, int64_t count,
                                int element, int reduction);
SPMD_API int spmd_mpi_reduce(const struct spmd_communicator *communicator, void *values, int64_t count,
                             int element, int reduction, int root);
SPMD_API int spmd_mpi_broadcast(const struct spmd_communicator *communicator, void *values, int64_t bytes, int root);
SPMD_API int spmd_mpi_gather(const struct spmd_communicator *communicator, const void *send, void *receive,
                             int64_t bytes, int root);
SPMD_API int spmd_mpi_allgather(const struct spmd_communicator *communicator, const void *send, void *receive,
                                int64_t bytes);

/* waiting.c */
int spmd_mpi_decide_waiting(MPI_Comm world, int *yields);
int spmd_mpi_wait_yielding(MPI_Request *request);

#endif
