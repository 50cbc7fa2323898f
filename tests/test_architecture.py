"""The layout of the code, held to what the design says of it.

Imports go `schemas <- detector.core <- detector.shell <- detector.cli`, never back. The core decides and touches
nothing: no broker, event loop, log, metric, file or clock. Only the settings read the environment.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = sorted(path for folder in ("schemas", "detector") for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# What each folder may import besides itself: one line a folder, from the ground up. A module that lies in none of them
# (the record types, the clock) belongs to the folder around it.
GROUND = {"schemas", "detector.core"}
MODEL = {*GROUND, "detector.core.primitives"}
INCIDENTS = {*MODEL, "detector.core.model"}
STATE = {*INCIDENTS, "detector.core.incidents"}
ENGINE = {*STATE, "detector.core.state", "detector.core.wire", "detector.core.alerts", "detector.core.views"}
OFFLINE = {*ENGINE, "detector.core.engine", "detector.files"}
CONFIG = {*ENGINE, "detector.core.engine"}
KAFKA = {*CONFIG, "detector.shell.config"}
WORKER = {*KAFKA, "detector.shell.kafka", "detector.shell.telemetry"}
SHELL = {*WORKER, "detector.shell.worker", "detector.shell.forward", "detector.shell.operations"}
SHELL |= {"detector.shell.mapper", "detector.shell.receive"}
PROGRAMS = {*SHELL, *OFFLINE, "detector.backtest", "detector.demo", "detector.offline", "detector.simulate"}
PROGRAMS |= {"detector.timeline", "detector.mapping"}
FOLDERS = {
    "schemas": set(),
    "detector.core": {"schemas"},
    "detector.core.primitives": set(),
    "detector.core.model": MODEL,
    "detector.core.incidents": INCIDENTS,
    "detector.core.state": STATE,
    "detector.core.wire": {*STATE, "detector.core.state"},
    "detector.core.alerts": STATE,
    "detector.core.views": {*STATE, "detector.core.state", "detector.core.alerts"},
    "detector.core.engine": ENGINE,
    "detector.estimators": {*ENGINE, "detector.core.engine"},
    "detector.files": {*GROUND, "detector.core.primitives", "detector.core.wire"},
    "detector.offline": OFFLINE,
    "detector.backtest": OFFLINE,
    "detector.mapping": {"schemas"},
    "detector.timeline": {*OFFLINE, "detector.offline", "detector.estimators", "detector.backtest"},
    "detector.simulate": {"schemas"},
    "detector.shell.config": CONFIG,
    "detector.shell.kafka": KAFKA,
    "detector.shell.telemetry": {*KAFKA, "detector.mapping"},
    "detector.shell.worker": WORKER,
    "detector.shell.forward": WORKER,
    "detector.shell.operations": {*WORKER, "detector.shell.forward", "detector.shell.worker"},
    "detector.shell.mapper": {*WORKER, "detector.mapping", "detector.shell.worker"},
    "detector.shell.receive": {*WORKER, "detector.mapping", "detector.shell.worker", "detector.shell.mapper"},
    "detector.shell.pages": {"detector.shell.config", "detector.shell.telemetry"},
    "detector.demo": {*SHELL, "detector.simulate"},
    "detector.cli": {*PROGRAMS, "detector"},
    "detector.__main__": {
        "detector.cli",
        "detector.files",
        "detector.shell.config",
        "detector.shell.kafka",
        "detector.shell.operations",
    },
    "detector": set(),
}
TOUCHES_NOTHING = {name for name in FOLDERS if name.startswith("detector.core")} | {"detector.estimators"}

NOT_IN_CORE = {
    *(
        "faust",
        "mode",
        "aiokafka",
        "confluent_kafka",
        "prometheus_client",
        "structlog",
        "pydantic_settings",
        "rich",
        "typer",
    ),
    *(
        "asyncio",
        "concurrent",
        "threading",
        "multiprocessing",
        "subprocess",
        "signal",
        "socket",
        "ssl",
        "http",
        "urllib",
    ),
    *("os", "io", "pathlib", "shutil", "tempfile", "sys", "logging", "warnings", "time", "random", "secrets"),
}
KAFKA_CLIENTS = ("aiokafka", "confluent_kafka", "faust.auth", "faust.transport", "faust.types.tuples")
NOT_CALLED_IN_CORE = {"open", "print", "input", "now", "utcnow", "today", "uuid1", "uuid4", "default_rng"}
SAYS_NOTHING = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}
FUNCTION_LINES_MAX = 70
READS_ENVIRONMENT = ROOT / "detector" / "shell" / "config" / "load.py"
SETS_ENVIRONMENT = ROOT / "detector" / "__init__.py"  # one variable of Numba's, before it is imported


def name_of(path: Path) -> str:
    """Give the dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Parse a file, once."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))))


def imports(path: Path) -> Iterator[str]:
    """Give the dotted names that a file imports, wherever in it: `from a import b` is a.b, which may be a module."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, package: str) -> bool:
    """Say whether a module is the package or lies in it."""
    return module == package or module.startswith(f"{package}.")


def folder(module: str) -> str:
    """Return the folder that a module of ours belongs to: the innermost that is listed."""
    return max((name for name in FOLDERS if within(module, name)), key=len)


def allowed(module: str, imported: str) -> bool:
    """Check whether a module of ours may import another one of ours."""
    return folder(imported) in FOLDERS[folder(module)] | {folder(module)}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Give the functions of a file, methods and inner ones too."""
    return (node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Give the calls of a file by the last part of what is called."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr, node
            elif isinstance(node.func, ast.Name):
                yield node.func.id, node


@pytest.mark.parametrize(
    ("module", "imported", "expected"),
    [
        ("schemas.alert", "schemas.envelope", True),
        ("schemas.alert", "detector.core.engine.shard", False),
        ("detector.core.layout", "schemas.incident", True),
        ("detector.core.layout", "detector.core.model.rhythm", False),
        ("detector.core.engine.shard", "schemas.interaction", True),
        ("detector.core.engine.shard", "detector.shell.config.settings", False),
        ("detector.core.engine.shard", "detector.estimators.client", False),
        ("detector.core.state.table", "detector.core.engine.merge", False),
        ("detector.core.model.rhythm", "detector.core.layout", True),
        ("detector.estimators.client", "detector.core.engine.shard", True),
        ("detector.estimators.client", "detector.shell.config.settings", False),
        ("detector.shell.worker.shard_task", "detector.core.engine.shard", True),
        ("detector.shell.worker.shard_task", "detector.cli.kafka", False),
        ("detector.shell.kafka.topics", "detector.shell.worker.app", False),
        ("detector.offline.replay", "detector.files.files", True),
        ("detector.offline.replay", "detector.shell.worker.app", False),
        ("detector.demo.run", "detector.shell.worker.app", True),
        ("detector.demo.run", "detector.cli.kafka", False),
        ("detector.cli.kafka", "detector.demo.run", True),
    ],
)
def test_the_rule_says_what_the_list_says(module, imported, expected):
    """The rule itself is right: each folder sees those below it, and nothing above."""
    assert allowed(module, imported) is expected


def test_no_two_folders_see_each_other():
    """The list has an order: from no folder a way of imports leads back to it."""
    above = {name: set(seen) - {name} for name, seen in FOLDERS.items()}
    while above:
        ground = [name for name, seen in above.items() if not seen & above.keys()]
        assert ground, f"these see each other: {sorted(above)}"
        for name in ground:
            del above[name]


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_imports_go_one_way(path):
    """No module imports from a folder that its own may not see."""
    ours = [imported for imported in imports(path) if imported.split(".")[0] in ("schemas", "detector")]
    assert [imported for imported in ours if not allowed(name_of(path), imported)] == []
    assert {"tests", "benchmarks"}.isdisjoint(imported.split(".")[0] for imported in imports(path))


@pytest.mark.parametrize("path", [path for path in PRODUCT if folder(name_of(path)) in TOUCHES_NOTHING], ids=name_of)
def test_the_core_touches_nothing(path):
    """The core imports no transport, event loop, log, metric, file or clock, and reads no clock in another way."""
    assert NOT_IN_CORE.isdisjoint(imported.split(".")[0] for imported in imports(path))
    assert NOT_CALLED_IN_CORE.isdisjoint(called for called, _ in calls(path))


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_only_the_estimators_and_the_backtest_import_river(path):
    """A worker starts without River's base classes, which bring SciPy."""
    may = folder(name_of(path)) in ("detector.estimators", "detector.backtest")
    assert may or not any(within(imported, "river") for imported in imports(path))


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_only_one_folder_knows_the_kafka_clients(path):
    """Another Kafka client needs changes in one folder only; beyond it nobody sees more of Faust than its agents."""
    known = {imported for imported in imports(path) if any(within(imported, client) for client in KAFKA_CLIENTS)}
    assert not known or folder(name_of(path)) == "detector.shell.kafka"


@pytest.mark.parametrize(
    "path", [path for path in PRODUCT if path not in (READS_ENVIRONMENT, SETS_ENVIRONMENT)], ids=name_of
)
def test_only_the_settings_read_the_environment(path):
    """What a process does depends on its settings, and those are listed by one command."""
    read = {"environ", "environb", "getenv"}
    attributes = {node.attr for node in nodes(path) if isinstance(node, ast.Attribute)}
    assert read.isdisjoint(attributes | {imported.split(".")[-1] for imported in imports(path)})


@pytest.mark.parametrize("path", [*PRODUCT, *TESTS], ids=name_of)
def test_functions_fit_a_screen(path):
    """No function is longer than a reader can see at once."""
    lengths = {function.name: function.end_lineno - function.lineno + 1 for function in functions(path)}
    assert {name: length for name, length in lengths.items() if length > FUNCTION_LINES_MAX} == {}


@pytest.mark.parametrize("path", [*PRODUCT, *TESTS], ids=name_of)
def test_names_say_something(path):
    """No file or class is named after nothing in particular."""
    assert SAYS_NOTHING.isdisjoint(path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "_").split("_"))
    classes = [node.name for node in nodes(path) if isinstance(node, ast.ClassDef)]
    assert not [name for name in classes if name.endswith(("Manager", "Helper", "Util", "Utils"))]


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_say_what_they_expect(path):
    """Every test has a docstring with the behaviour that it holds the product to."""
    tests = [function for function in functions(path) if function.name.startswith("test_")]
    assert [test.name for test in tests if not ast.get_docstring(test)] == []


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_are_not_skipped(path):
    """A test is skipped only where its data is absent, as its reason says first; a missing broker is a failure."""
    marks = {node.attr for node in nodes(path) if isinstance(node, ast.Attribute)} & {"skipif", "importorskip"}
    assert marks == set()
    for called, node in calls(path):
        if called == "skip":
            reason = node.args[0] if node.args else None
            said = reason.values[0] if isinstance(reason, ast.JoinedStr) else reason
            assert isinstance(said, ast.Constant), ast.unparse(node)
            assert str(said.value).startswith("data absent: "), ast.unparse(node)
