/* How a rank ends a job that cannot go on.
 *
 * MPI_Abort is the polite way: the launcher ends all ranks. But it can get stuck behind a call of the main thread, and behind
 * a host that is gone: the launcher waits for that host's daemon for ever, and the daemon there, which hears no order any more,
 * for ever for the launcher. So an alarm ends the rank, and a child that outlives it ends the launcher or daemon above. */
#include "spmd_mpi.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { ABORT_SECONDS = 1, PATIENCE_TICKS = 20, TICK_NANOSECONDS = 50 * 1000 * 1000, OPEN_FILES = 1024 };

static volatile sig_atomic_t code_at_alarm;

static void exit_now(int signal_number)
{
    (void)signal_number;
    _exit(code_at_alarm);
}

/* Ends this rank, and no code of MPI or .NET that could wait runs any more. */
void spmd_mpi_exit(int exit_code)
{
    _exit(exit_code);
}

/* Ends this rank after some seconds, whatever its threads wait for. */
void spmd_mpi_exit_within(int seconds, int exit_code)
{
    code_at_alarm = exit_code;
    signal(SIGALRM, exit_now);
    alarm((unsigned)seconds);
}

int spmd_mpi_abort(const struct spmd_communicator *communicator, int exit_code)
{
    spmd_mpi_exit_within(ABORT_SECONDS, exit_code);
    MPI_Abort(communicator->handle, exit_code);
    _exit(exit_code);
}

static int is_gone_within(pid_t process, int ticks)
{
    const struct timespec tick = {0, TICK_NANOSECONDS};
    while (kill(process, 0) == 0 && ticks-- > 0)
        nanosleep(&tick, NULL);
    return kill(process, 0) != 0;
}

/* Gives the process that started this rank a second to end, in a child that lives on when this rank exits. A child of a
 * process with threads may only do what a signal handler may; this does no more. */
void spmd_mpi_end_stuck_launcher(void)
{
    pid_t launcher = getppid();
    if (launcher <= 1 || fork() != 0)
        return;
    /* The launcher waits until nobody holds the ends of its pipes. */
    for (int file = 0; file < OPEN_FILES; file++)
        close(file);
    /* Not SIGTERM: Open MPI's launcher, in the middle of an abort, only says that it is already aborting. */
    if (!is_gone_within(launcher, PATIENCE_TICKS))
        kill(launcher, SIGKILL);
    _exit(0);
}
