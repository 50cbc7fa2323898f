"""Which exit code an error ends the worker with, and what the log says of it."""

import structlog

from detector.core.state.table import UnknownLayoutError
from detector.shell.config.settings import Settings
from detector.shell.kafka.errors import BrokerError, Fenced, denial_of
from detector.shell.worker.exit_codes import Exit

log = structlog.stdlib.get_logger(__name__)


def exit_of_faust(error: BaseException | None, settings: Settings) -> Exit:
    """Choose the code for an error that broke Faust's services, if any did. Faust's own code is always 1."""
    if error is None:
        return Exit.DONE
    if (denial := denial_of(error, settings)) is not None:
        log.error(denial)
        return Exit.CONFIG
    return Exit.CONSUMER if isinstance(error, BrokerError) else Exit.BUG


def exit_of_shard(error: BaseException, settings: Settings, partition: int, *, is_restored: bool) -> Exit:
    """Choose the code for an error that broke a shard, and log what happened."""
    denial = denial_of(error, settings)
    match error:
        case _ if denial is not None:
            log.error(denial, shard=partition)
            return Exit.CONFIG
        case Fenced():
            log.error("fenced: another worker owns the shard; ending", shard=partition)
            return Exit.FENCED
        case UnknownLayoutError():
            log.error("the state cannot be read; ending", shard=partition, remedy=str(error))
            return Exit.CONFIG
        case BrokerError():
            log.error("the broker failed; ending", shard=partition, error=repr(error))
            return Exit.TRANSACTION if is_restored else Exit.RESTORE
        case _:
            log.error("shard failed; ending", shard=partition, exc_info=error)
            return Exit.BUG
