"""The example in the help of each command, run as it stands; and Ctrl-C for those that run until it."""

import json
import os
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import typer.main
from confluent_kafka import Consumer, TopicPartition

from detector.cli import app
from tests.contract import held, held_in
from tests.kafka import free_port, wait_until

SECONDS_MAX = 300  # they take a few; the rest is for a busy machine
START_S, DAY_S = 1_735_689_600, 86_400


def commands(group=None, name="ghosting"):
    """Give every command by its full name."""
    for part, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {part}")
        else:
            yield f"{name} {part}", command


EXAMPLES = {name: command.epilog.removeprefix("Example: ") for name, command in commands()}
ON_A_BROKER = {"topics create", "topics check", "produce", "worker", "rebuild", "erase", "watch", "forward", "receive"}


@pytest.fixture
def folder(tmp_path):
    """Give a folder with a history: twenty clients that write every other day, of whom the first stops halfway."""
    rows = [
        f"client-{client},email,{START_S + day * DAY_S + client * 60},inbound"
        for day in range(0, 200, 2)
        for client in range(20)
        if client or day < 100
    ]
    (tmp_path / "history.csv").write_text("\n".join(["client_id,kind,at,direction", *rows, ""]))
    return tmp_path


@pytest.fixture
def environment(kafka, app_id):
    """Give the environment of an installation of one partition."""
    given = {"GHOSTING_BOOTSTRAP_SERVERS": kafka, "GHOSTING_APP_ID": app_id, "GHOSTING_PARTITIONS": "1"}
    return {**os.environ, **given, "GHOSTING_SESSION_TIMEOUT_S": "6"}


def arguments(line):
    """Turn a line as one would type it into a command of this Python."""
    program, *words = shlex.split(line)
    assert program == "ghosting"
    return [sys.executable, "-m", "detector", *words]


def run(line, folder, environment=None):
    """Run a line to its end and give what it printed."""
    ended = subprocess.run(
        arguments(line), cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr
    return ended.stdout


@contextmanager
def running(line, folder, environment):
    """Run a line beside the test; afterwards it must have been stopped, or it is killed."""
    command = arguments(line)
    with errors_of(folder, line).open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def errors_of(folder, line):
    """Say where the standard error of a running line goes."""
    return folder / f"{line.split()[1]}.errors"


def interrupt(process):
    """Press Ctrl-C and give the exit code."""
    process.send_signal(signal.SIGINT)
    return process.wait(SECONDS_MAX)


@pytest.mark.parametrize(("name", "example"), EXAMPLES.items())
def test_every_command_has_an_example_of_itself(name, example):
    """It is short enough to stand on one line of a terminal."""
    assert example.startswith(name)
    assert len(f"  Example: {example}") < 80


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - {f"ghosting {name}" for name in ON_A_BROKER}))
def test_examples_without_a_broker_do_what_they_say(folder, name):
    """Each ends well, and has something to show or leaves files."""
    said = run(EXAMPLES[name], folder)

    assert said or {"events.ndjson", "truth.ndjson"} <= {path.name for path in folder.iterdir()}
    assert all(held_in(path) for path in folder.glob("alerts*"))


def test_examples_on_a_broker_do_what_they_say(folder, environment):
    """Topics are made, the history is produced, a worker finds who went quiet, and a watcher sees it."""
    assert run(EXAMPLES["ghosting topics create"], folder, environment).count("created ") == 11
    assert run(EXAMPLES["ghosting topics create"], folder, environment).count("has ") == 11
    assert "as they should be" in run(EXAMPLES["ghosting topics check"], folder, environment)
    assert "1950 records produced" in run(EXAMPLES["ghosting produce"], folder, environment)
    with running(EXAMPLES["ghosting worker"], folder, environment) as worker:
        with running(EXAMPLES["ghosting watch"], folder, environment) as watch:
            assert " opened " in watch.stdout.readline()
            assert interrupt(watch) == 130
            assert errors_of(folder, EXAMPLES["ghosting watch"]).read_text() == ""
        with running(f"{EXAMPLES['ghosting watch']} --json", folder, environment) as watch:
            first = watch.stdout.readline()
            watch.send_signal(signal.SIGINT)
            # Not by `communicate`, which forgets what `readline` has buffered; first of all, as the pipe is small.
            rest = watch.stdout.read()
            assert watch.wait(SECONDS_MAX) == 130
            assert held((first + rest).encode().splitlines())
        receiver = {**environment, "GHOSTING_FORWARD_ALERTMANAGERS": "http://127.0.0.1:1"}
        with running(EXAMPLES["ghosting forward"], folder, receiver) as forward:
            said = errors_of(folder, EXAMPLES["ghosting forward"])
            wait_until(lambda: "forwarder started" in said.read_text(), "it forwards")
            assert interrupt(forward) == 130
        shop = {**environment, "SHOPIFY_SECRET": "an invented secret", "GHOSTING_RECEIVE_PORT": str(free_port(1))}
        with running(EXAMPLES["ghosting receive"], folder, shop) as receive:
            said_of_webhooks = errors_of(folder, EXAMPLES["ghosting receive"])
            wait_until(lambda: "receiver started" in said_of_webhooks.read_text(), "it takes webhooks")
            assert interrupt(receive) == 130
        assert worker.poll() is None
        worker.terminate()
        assert worker.wait(SECONDS_MAX) == 0
    assert "because they were missing: 0 alerts, 0 rejections" in run(EXAMPLES["ghosting rebuild"], folder, environment)
    assert "clients erased: 0; not known: 1" in run(EXAMPLES["ghosting erase"], folder, environment)


def test_an_interrupted_produce_says_how_far_it_came(folder, environment):
    """And exits as a shell expects of a program that Ctrl-C has ended."""
    run(EXAMPLES["ghosting topics create"], folder, environment)
    (folder / "history.csv").write_text(
        f"client_id,kind,at,direction\nann,email,{START_S},inbound\nann,email,{START_S + DAY_S},inbound\n"
    )
    line = "ghosting produce history.csv --speed 1"
    with running(line, folder, environment) as producing:
        wait_until(lambda: committed(environment) == 1, "the first record is there")
        assert interrupt(producing) == 130
    assert errors_of(folder, line).read_text() == "interrupted: 1 records produced\n"


def committed(environment):
    """Count the records of the emails."""
    consumer = Consumer({"bootstrap.servers": environment["GHOSTING_BOOTSTRAP_SERVERS"], "group.id": "count"})
    try:
        return consumer.get_watermark_offsets(TopicPartition(f"{environment['GHOSTING_APP_ID']}.emails", 0))[1]
    finally:
        consumer.close()


def test_what_cannot_be_addressed_is_told(folder, environment):
    """It is produced all the same, and where it lies is said."""
    run(EXAMPLES["ghosting topics create"], folder, environment)
    (folder / "broken.ndjson").write_text('{"broken\n' + json.dumps({"client_id": "ann", "kind": "call"}) + "\n")

    said = run("ghosting produce broken.ndjson", folder, environment)

    place = f"{environment['GHOSTING_APP_ID']}.emails, partition 0"
    first, second = said.splitlines()
    assert first == "2 records produced"
    assert second == f"1 of them without a readable client and kind: in {place}, to be rejected there"
