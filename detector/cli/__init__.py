"""The command line: all commands in one table, each with an example that a test runs.

The modules beside this one read arguments, call what does the work, and print what came of it.
"""

from pathlib import Path
from typing import Annotated

import typer

from detector.cli import about, backtest, erase, inspect, kafka, learn, mapping, offline, rebuild, receive, timeline
from detector.cli.options import Given, setting_given

EXIT_CODES = "Exit codes: 0 done, 1 a problem that is told in one line, 2 wrong usage, 130 interrupted."


def _program(about_it: str, epilog: str | None = None) -> typer.Typer:
    return typer.Typer(
        help=about_it,
        epilog=epilog,
        no_args_is_help=True,
        rich_markup_mode=None,  # to import rich's would double the time that --help takes
        pretty_exceptions_enable=False,  # they print local variables, and clients are among them
    )


app = _program("Notices when a client goes quiet, and says so while there is still time to act.", EXIT_CODES)
topics_app = _program("The topics of this installation.")
schemas_app = _program("The contracts of what comes in and goes out.")

for group, name, command, example in (
    (app, "demo", kafka.demo, "ghosting demo --clients 40"),
    (app, "inspect", inspect.inspect, "ghosting inspect history.csv"),
    (app, "replay", offline.replay, "ghosting replay history.csv --alerts alerts.jsonl --until now"),
    (app, "backtest", backtest.backtest, "ghosting backtest history.csv --report report.html"),
    (app, "timeline", timeline.timeline, "ghosting timeline client-0 history.csv -o client.svg"),
    (app, "learn", learn.learn, "ghosting learn history.csv -o prior.json"),
    (app, "map", mapping.map_command, "ghosting map list"),
    (app, "simulate", offline.simulate, "ghosting simulate --events events.ndjson --truth truth.ndjson"),
    (topics_app, "create", kafka.topics_create, "ghosting topics create"),
    (topics_app, "check", kafka.topics_check, "ghosting topics check"),
    (app, "produce", kafka.produce, "ghosting produce history.csv"),
    (app, "worker", kafka.worker, "ghosting worker"),
    (app, "rebuild", rebuild.rebuild, "ghosting rebuild"),
    (app, "erase", erase.erase, "ghosting erase C-1042"),
    (app, "receive", receive.receive, "ghosting receive --preset shopify=SHOPIFY_SECRET"),
    (app, "watch", kafka.watch, "ghosting watch --history --from-beginning"),
    (app, "forward", kafka.forward, "ghosting forward --severity critical"),
    (app, "settings", about.settings, "ghosting settings"),
    (schemas_app, "export", about.schemas_export, "ghosting schemas export contracts"),
    (app, "version", about.version, "ghosting version"),
):
    group.command(name, epilog=f"Example: {example}")(command)

app.add_typer(topics_app, name="topics")
app.add_typer(schemas_app, name="schemas")


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings, instead of GHOSTING_CONFIG.")] = None,
    bootstrap_servers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,HOST:PORT.")] = None,
    app_id: Annotated[str | None, typer.Option(help="Name of the installation.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any setting, named as in the file; several times if need be."
        ),
    ] = None,
) -> None:
    flags: dict[str, object] = {"bootstrap_servers": bootstrap_servers, "app_id": app_id}
    context.obj = Given(flags, dict(map(setting_given, sets or ())), config)
