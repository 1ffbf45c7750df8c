#include "spmd_mpi.h"

#include <stddef.h>

/* Not MPI's INT_MAX: some MPI releases multiply a count by the number of ranks in an int. */
static int64_t part_bytes = 1 << 28;

/* For tests: cuts also small messages, so that the cutting can be checked without gigabytes. */
void spmd_mpi_set_part_bytes(int64_t bytes)
{
    part_bytes = bytes;
}

static int part_of(int64_t rest, int64_t limit)
{
    return (int)(rest < limit ? rest : limit);
}

static MPI_Datatype datatype_of(int element)
{
    switch (element) {
    case SPMD_UINT8: return MPI_UINT8_T;
    case SPMD_INT32: return MPI_INT32_T;
    case SPMD_INT64: return MPI_INT64_T;
    case SPMD_FLOAT32: return MPI_FLOAT;
    case SPMD_FLOAT64: return MPI_DOUBLE;
    default: return MPI_DATATYPE_NULL; /* MPI itself refuses it */
    }
}

static MPI_Op operation_of(int reduction)
{
    switch (reduction) {
    case SPMD_ADD: return MPI_SUM;
    case SPMD_MAX: return MPI_MAX;
    case SPMD_MIN: return MPI_MIN;
    default: return MPI_OP_NULL;
    }
}

/* Bytes of one element, for stepping through parts. */
static int64_t width_of(int element)
{
    return element == SPMD_UINT8 ? 1 : element == SPMD_INT32 || element == SPMD_FLOAT32 ? 4 : 8;
}

static int complete(int code, MPI_Request *request)
{
    return code != MPI_SUCCESS ? code : spmd_mpi_wait_yielding(request);
}

int spmd_mpi_barrier(const struct spmd_communicator *communicator)
{
    MPI_Request request;
    if (communicator->yields)
        return complete(MPI_Ibarrier(communicator->handle, &request), &request);
    return MPI_Barrier(communicator->handle);
}

static int allreduce_part(const struct spmd_communicator *communicator, void *values, int count,
                          MPI_Datatype type, MPI_Op operation)
{
    MPI_Request request;
    if (communicator->yields)
        return complete(MPI_Iallreduce(MPI_IN_PLACE, values, count, type, operation, communicator->handle, &request), &request);
    return MPI_Allreduce(MPI_IN_PLACE, values, count, type, operation, communicator->handle);
}

int spmd_mpi_allreduce(const struct spmd_communicator *communicator, void *values, int64_t count,
                       int element, int reduction)
{
    int64_t width = width_of(element);
    int code = MPI_SUCCESS;
    for (int64_t done = 0; done < count && code == MPI_SUCCESS;) {
        int part = part_of(count - done, part_bytes / width);
        code = allreduce_part(communicator, (char *)values + done * width, part, datatype_of(element), operation_of(reduction));
        done += part;
    }
    return code;
}

static int reduce_part(const struct spmd_communicator *communicator, void *values, int count,
                       MPI_Datatype type, MPI_Op operation, int root)
{
    int rank;
    MPI_Comm_rank(communicator->handle, &rank);
    const void *send = rank == root ? MPI_IN_PLACE : values;
    MPI_Request request;
    if (communicator->yields)
        return complete(MPI_Ireduce(send, values, count, type, operation, root, communicator->handle, &request), &request);
    return MPI_Reduce(send, values, count, type, operation, root, communicator->handle);
}

int spmd_mpi_reduce(const struct spmd_communicator *communicator, void *values, int64_t count,
                    int element, int reduction, int root)
{
    int64_t width = width_of(element);
    int code = MPI_SUCCESS;
    for (int64_t done = 0; done < count && code == MPI_SUCCESS;) {
        int part = part_of(count - done, part_bytes / width);
        code = reduce_part(communicator, (char *)values + done * width, part, datatype_of(element), operation_of(reduction), root);
        done += part;
    }
    return code;
}

int spmd_mpi_broadcast(const struct spmd_communicator *communicator, void *values, int64_t bytes, int root)
{
    int code = MPI_SUCCESS;
    for (int64_t done = 0; done < bytes && code == MPI_SUCCESS;) {
        int part = part_of(bytes - done, part_bytes);
        char *from = (char *)values + done;
        MPI_Request request;
        code = communicator->yields
            ? complete(MPI_Ibcast(from, part, MPI_BYTE, root, communicator->handle, &request), &request)
            : MPI_Bcast(from, part, MPI_BYTE, root, communicator->handle);
        done += part;
    }
    return code;
}

/* A part of every rank's block: `part` bytes that repeat every `stride` bytes, so that the parts of all ranks land in
 * their own blocks of the receive buffer. */
static int make_part_type(int part, int64_t stride, MPI_Datatype *type)
{
    MPI_Datatype bytes;
    int code = MPI_Type_contiguous(part, MPI_BYTE, &bytes);
    if (code != MPI_SUCCESS)
        return code;
    code = MPI_Type_create_resized(bytes, 0, (MPI_Aint)stride, type);
    MPI_Type_free(&bytes);
    return code != MPI_SUCCESS ? code : MPI_Type_commit(type);
}

/* root < 0: everyone receives. */
static int gather_part(const struct spmd_communicator *communicator, const char *send, char *receive, int part,
                       int receive_count, MPI_Datatype type, int root)
{
    MPI_Comm handle = communicator->handle;
    MPI_Request request;
    if (communicator->yields && root < 0)
        return complete(MPI_Iallgather(send, part, MPI_BYTE, receive, receive_count, type, handle, &request), &request);
    if (communicator->yields)
        return complete(MPI_Igather(send, part, MPI_BYTE, receive, receive_count, type, root, handle, &request), &request);
    if (root < 0)
        return MPI_Allgather(send, part, MPI_BYTE, receive, receive_count, type, handle);
    return MPI_Gather(send, part, MPI_BYTE, receive, receive_count, type, root, handle);
}

static int gather_parts(const struct spmd_communicator *communicator, const char *send, char *receive, int64_t bytes, int root)
{
    if (bytes <= part_bytes)
        return gather_part(communicator, send, receive, (int)bytes, (int)bytes, MPI_BYTE, root);
    int code = MPI_SUCCESS;
    for (int64_t done = 0; done < bytes && code == MPI_SUCCESS;) {
        int part = part_of(bytes - done, part_bytes);
        MPI_Datatype type;
        code = make_part_type(part, bytes, &type);
        if (code != MPI_SUCCESS)
            return code;
        code = gather_part(communicator, send + done, receive == NULL ? NULL : receive + done, part, 1, type, root);
        MPI_Type_free(&type);
        done += part;
    }
    return code;
}

int spmd_mpi_gather(const struct spmd_communicator *communicator, const void *send, void *receive, int64_t bytes, int root)
{
    return gather_parts(communicator, send, receive, bytes, root);
}

int spmd_mpi_allgather(const struct spmd_communicator *communicator, const void *send, void *receive, int64_t bytes)
{
    return gather_parts(communicator, send, receive, bytes, -1);
}
