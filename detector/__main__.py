"""Runs `ghosting`, and tells a user's mistakes in one line each."""

import gc
import sys
from collections.abc import Sequence

# What a command reads lives as long as it does; to walk all of it after every 700 new objects took half of a replay.
GARBAGE_THRESHOLDS = 500_000, 20, 100


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 = done, 1 = a problem that is told, 2 = wrong usage, 130 = interrupted."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        from detector.cli import app  # noqa: PLC0415 - here, so that an interruption of it is one too

        app(None if arguments is None else list(arguments), prog_name="ghosting")
    except KeyboardInterrupt:  # before or after typer looks at it
        sys.exit(130)
    except Exception as error:
        # Imported here, as only a failure needs them: --help answers without the Kafka client.
        from detector.files.files import InputError  # noqa: PLC0415
        from detector.shell.config.settings import SettingsError  # noqa: PLC0415
        from detector.shell.kafka.errors import AccessDenied, BrokerUnreachable, TopicError  # noqa: PLC0415
        from detector.shell.operations.no_worker import WorkersRun  # noqa: PLC0415
        from detector.shell.operations.produce import ProduceError  # noqa: PLC0415
        from detector.shell.operations.rebuild import RebuildError  # noqa: PLC0415

        of_kafka = BrokerUnreachable | AccessDenied | TopicError
        told = InputError | SettingsError | of_kafka | ProduceError | WorkersRun | RebuildError
        if not isinstance(error, told):
            raise
        print(error, file=sys.stderr)  # noqa: T201 - a command line speaks
        sys.exit(1)


if __name__ == "__main__":
    main()
