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

# Which layers a layer may import. The first name that a module lies in is its layer; plain `detector` are the tools
# (replay, simulate, files, ...), which know the core only, so that they need no broker.
_BELOW_CLI = {"schemas", "detector.core", "detector.estimators", "detector", "detector.shell", "detector.demo"}
_CORE = {"schemas", "detector.core", "detector.estimators"}  # estimators: the core's kernels for notebooks
LAYERS = {
    "schemas": {"schemas"},
    "detector.core": _CORE,
    "detector.estimators": _CORE,
    "detector.shell": {"schemas", "detector.core", "detector.estimators", "detector.shell"},
    "detector.demo": _BELOW_CLI,
    "detector.cli": {*_BELOW_CLI, "detector.cli"},
    "detector.__main__": {*_BELOW_CLI, "detector.cli"},
    "detector": {"schemas", "detector.core", "detector.estimators", "detector"},
}

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
NOT_CALLED_IN_CORE = {"open", "print", "input", "now", "utcnow", "today", "uuid1", "uuid4", "default_rng"}
SAYS_NOTHING = {"utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"}
FUNCTION_LINES_MAX = 70
READS_ENVIRONMENT = ROOT / "detector" / "shell" / "given.py"
SETS_ENVIRONMENT = READS_ENVIRONMENT.parents[1] / "__init__.py"  # one variable of Numba's, before it is imported


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


def layer(module: str) -> str:
    """Say to which layer a module of ours belongs."""
    return next(name for name in LAYERS if within(module, name))


def allowed(module: str, imported: str) -> bool:
    """Say whether a module of ours may import another one of ours."""
    return layer(imported) in LAYERS[layer(module)]


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
        ("schemas.alert", "detector.core.shard", False),
        ("detector.core.shard", "schemas.interaction", True),
        ("detector.core.shard", "detector.shell.settings", False),
        ("detector.core.shard", "detector.replay", False),
        ("detector.core.shard", "detector.estimators.client", True),
        ("detector.estimators.client", "detector.core.table", True),
        ("detector.estimators.client", "detector.shell.settings", False),
        ("detector.shell.worker", "detector.core.shard", True),
        ("detector.shell.worker", "detector.cli.app", False),
        ("detector.shell.worker", "detector.replay", False),
        ("detector.replay", "detector.core.shard", True),
        ("detector.replay", "detector.files", True),
        ("detector.replay", "detector.shell.worker", False),
        ("detector.replay", "detector.cli", False),
        ("detector.simulate.firm", "detector.simulate.laws", True),
        ("detector.demo", "detector.shell.app", True),
        ("detector.demo", "detector.cli", False),
        ("detector.cli", "detector.demo", True),
        ("detector.__main__", "detector.cli.app", True),
    ],
)
def test_the_rule_says_what_the_design_says(module, imported, expected):
    """The rule itself is right: each layer sees those below it, and nothing above."""
    assert allowed(module, imported) is expected


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_imports_go_one_way(path):
    """No module imports from a layer above its own."""
    ours = [imported for imported in imports(path) if imported.split(".")[0] in ("schemas", "detector")]
    assert [imported for imported in ours if not allowed(name_of(path), imported)] == []
    assert {"tests", "benchmarks"}.isdisjoint(imported.split(".")[0] for imported in imports(path))


@pytest.mark.parametrize("path", [path for path in PRODUCT if LAYERS[layer(name_of(path))] is _CORE], ids=name_of)
def test_the_core_touches_nothing(path):
    """The core imports no transport, event loop, log, metric, file or clock, and reads no clock in another way."""
    assert NOT_IN_CORE.isdisjoint(imported.split(".")[0] for imported in imports(path))
    assert NOT_CALLED_IN_CORE.isdisjoint(called for called, _ in calls(path))


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
