#include "spmd_mpi.h"

#include <stdlib.h>
#include <string.h>

static struct spmd_communicator world_communicator;

int spmd_mpi_start(struct spmd_communicator **world)
{
    int provided;
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    if (code != MPI_SUCCESS)
        return code;
    if (provided < MPI_THREAD_FUNNELED)
        return MPI_ERR_OTHER;
    /* Communicators made from the world inherit this. */
    code = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (code != MPI_SUCCESS)
        return code;
    world_communicator.handle = MPI_COMM_WORLD;
    *world = &world_communicator;
    return spmd_mpi_decide_waiting(MPI_COMM_WORLD, &world_communicator.yields);
}

int spmd_mpi_finish(void)
{
    return MPI_Finalize();
}

int spmd_mpi_describe(const struct spmd_communicator *communicator, int *rank, int *size, int *yields)
{
    *yields = communicator->yields;
    int code = MPI_Comm_rank(communicator->handle, rank);
    return code != MPI_SUCCESS ? code : MPI_Comm_size(communicator->handle, size);
}

/* Blocking and nonblocking collectives do not match each other, so a child waits as its parent does. */
static int adopt(const struct spmd_communicator *parent, MPI_Comm handle, struct spmd_communicator **child)
{
    struct spmd_communicator *made = malloc(sizeof *made);
    if (made == NULL)
        return MPI_ERR_NO_MEM;
    made->handle = handle;
    made->yields = parent->yields;
    *child = made;
    return MPI_SUCCESS;
}

int spmd_mpi_split(const struct spmd_communicator *parent, int color, int key, struct spmd_communicator **child)
{
    MPI_Comm handle;
    int code = MPI_Comm_split(parent->handle, color, key, &handle);
    return code != MPI_SUCCESS ? code : adopt(parent, handle, child);
}

int spmd_mpi_split_by_host(const struct spmd_communicator *parent, struct spmd_communicator **child)
{
    MPI_Comm handle;
    int code = MPI_Comm_split_type(parent->handle, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &handle);
    return code != MPI_SUCCESS ? code : adopt(parent, handle, child);
}

int spmd_mpi_free(struct spmd_communicator *communicator)
{
    int code = MPI_Comm_free(&communicator->handle);
    free(communicator);
    return code;
}

static void copy_text(char *text, int capacity, const char *source)
{
    strncpy(text, source, (size_t)capacity - 1);
    text[capacity - 1] = '\0';
}

int spmd_mpi_library_version(char *text, int capacity)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    int code = MPI_Get_library_version(version, &length);
    if (code == MPI_SUCCESS)
        copy_text(text, capacity, version);
    return code;
}

int spmd_mpi_error_text(int code, char *text, int capacity)
{
    char words[MPI_MAX_ERROR_STRING];
    int length;
    int outcome = MPI_Error_string(code, words, &length);
    if (outcome == MPI_SUCCESS)
        copy_text(text, capacity, words);
    return outcome;
}
