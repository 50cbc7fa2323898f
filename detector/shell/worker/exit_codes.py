"""Why a worker ended: the exit code that its supervisor sees. This table has all codes."""

from enum import IntEnum


class Exit(IntEnum):
    """A cause, and the exit code for it."""

    DONE = 0
    CONFIG = 1
    USAGE = 2
    BUG = 70
    FENCED = 71
    UNASSIGNED = 72
    REBALANCE = 73
    RESTORE = 74
    STALLED = 75
    CONSUMER = 76
    BLOCKED = 77
    TRANSACTION = 78
    SHUTDOWN = 79
    PRODUCER = 80
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS = {
    Exit.DONE: "stopped by SIGTERM or SIGINT: what was applied is committed, and the group was left",
    Exit.CONFIG: "a problem that a restart does not solve; the last line names the remedy",
    Exit.USAGE: "wrong usage of the command line",
    Exit.BUG: "an error that nobody foresaw; its traceback is in the log",
    Exit.FENCED: "another worker took over a shard that this one believed to own",
    Exit.UNASSIGNED: "the group gave no assignment within `GHOSTING_UNASSIGNED_S_MAX`",
    Exit.REBALANCE: "a rebalance took longer than `GHOSTING_REBALANCE_S_MAX`",
    Exit.RESTORE: "a shard's restore took longer than `GHOSTING_RESTORE_S_MAX`, or the broker broke it off",
    Exit.STALLED: "a shard made no progress for `GHOSTING_STALLED_S_MAX`: no records, and no end of its sources",
    Exit.CONSUMER: "the consumer ended: its thread, its group coordination, or a request that the broker refused",
    Exit.BLOCKED: "the event loop was blocked for `GHOSTING_BLOCKED_S_MAX`",
    Exit.TRANSACTION: "the broker refused a transaction, or did not commit it within `GHOSTING_TRANSACTION_TIMEOUT_S`",
    Exit.SHUTDOWN: "the worker could not stop within `GHOSTING_SHUTDOWN_S_MAX`",
    Exit.PRODUCER: "the broker refused for good what `ghosting receive` writes; nothing of it was answered with 2xx",
    Exit.INTERRUPTED: "interrupted by Ctrl-C before it ran",
    Exit.TERMINATED: "a second SIGTERM: ended at once",
}
"""What each code means. After every code from 70 on a restart is right: the state is restored, and nothing is lost."""
