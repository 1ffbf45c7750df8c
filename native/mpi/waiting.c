/* How a rank waits for the others.
 *
 * MPI polls while it waits, and with a core for every rank that is the fastest way. With more ranks than cores it is a
 * disaster: the polling rank holds the core the awaited rank needs until the scheduler takes it away, 8 ms or more an
 * all-reduce with MPICH. Then collectives are started nonblocking and completed by a loop that gives up the core.
 * The ranks agree on one way, because blocking and nonblocking collectives do not match each other. */
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "spmd_mpi.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__

/* Ranks that may only run on cores within this rank's set, and that outnumber its cores, must share them. mpiexec binds
 * ranks to disjoint or equal sets, or not at all; in those cases asking this on every rank finds every conflict. */
static int ranks_outnumber_cores(MPI_Comm host, int *outnumber)
{
    int size;
    MPI_Comm_size(host, &size);
    cpu_set_t mine;
    CPU_ZERO(&mine);
    if (sched_getaffinity(0, sizeof mine, &mine) != 0) {
        for (long core = 0; core < sysconf(_SC_NPROCESSORS_ONLN) && core < CPU_SETSIZE; core++)
            CPU_SET((int)core, &mine);
    }
    cpu_set_t *all = malloc((size_t)size * sizeof *all);
    if (all == NULL)
        return MPI_ERR_NO_MEM;
    int code = MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all, sizeof mine, MPI_BYTE, host);
    int within = 0;
    for (int rank = 0; rank < size; rank++) {
        cpu_set_t common;
        CPU_AND(&common, &mine, &all[rank]);
        within += CPU_EQUAL(&common, &all[rank]);
    }
    free(all);
    *outnumber = within > CPU_COUNT(&mine);
    return code;
}

#else

static int ranks_outnumber_cores(MPI_Comm host, int *outnumber)
{
    int size;
    int code = MPI_Comm_size(host, &size);
    *outnumber = size > sysconf(_SC_NPROCESSORS_ONLN);
    return code;
}

#endif

/* SPMD_MPI_WAIT=poll or yield overrules the count of cores: for measurements, and for tests of both ways anywhere. */
int spmd_mpi_decide_waiting(MPI_Comm world, int *yields)
{
    MPI_Comm host;
    int code = MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    if (code != MPI_SUCCESS)
        return code;
    code = ranks_outnumber_cores(host, yields);
    MPI_Comm_free(&host);
    if (code != MPI_SUCCESS)
        return code;
    const char *wish = getenv("SPMD_MPI_WAIT");
    if (wish != NULL && strcmp(wish, "poll") == 0)
        *yields = 0;
    if (wish != NULL && strcmp(wish, "yield") == 0)
        *yields = 1;
    return MPI_Allreduce(MPI_IN_PLACE, yields, 1, MPI_INT, MPI_MAX, world);
}

/* A rank that has yielded in vain sleeps: a yielding loop still takes its share of a core from the rank that computes, and
 * a sleeper is woken with priority. All-reduce of 6144 floats, 4 ranks of MPICH on 2 cores that have other work too:
 * 48 ms polling, 4 ms only yielding, 1.4 ms so. */
enum { YIELDS_BEFORE_SLEEP = 100, SLEEP_NANOSECONDS = 50 * 1000 };

int spmd_mpi_wait_yielding(MPI_Request *request)
{
    const struct timespec pause = {0, SLEEP_NANOSECONDS};
    for (long tries = 0;; tries++) {
        int done;
        int code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS || done)
            return code;
        if (tries < YIELDS_BEFORE_SLEEP)
            sched_yield();
        else
            nanosleep(&pause, NULL);
    }
}
