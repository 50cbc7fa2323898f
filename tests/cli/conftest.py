"""What the tests of the command line share."""

import pytest

from detector.__main__ import main


@pytest.fixture
def ghosting(capfd):
    """Give a function that runs a command: exit code, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capfd.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run
