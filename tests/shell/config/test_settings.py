"""Where settings come from, which of two wins, and how a wrong one is told."""

import re

import pytest
from pydantic import ValidationError

from detector.shell.config.installation import OWN_TOPICS
from detector.shell.config.load import FILE_VARIABLE, effective, load
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import Settings, SettingsError, variable


@pytest.fixture
def write(tmp_path):
    """Write a settings file and give its path."""

    def write(text):
        path = tmp_path / "ghosting.toml"
        path.write_text(text)
        return path

    return write


def problems(*args, **kwargs):
    """Load settings that are wrong and give the lines that say so."""
    with pytest.raises(SettingsError) as caught:
        load(*args, **kwargs)
    assert str(caught.value).splitlines() == list(caught.value.problems), "one line per problem"
    return caught.value.problems


def test_defaults_need_nothing():
    """Without flags, environment and file the defaults are in force."""
    settings = load()
    assert settings == Settings()
    assert settings.bootstrap_servers == "127.0.0.1:9092"
    assert settings.source_topics == ("ghosting.emails", "ghosting.calls", "ghosting.orders")
    assert {origin for *_, origin, _ in effective()} == {"default"}


def test_flag_beats_environment_beats_file(write, monkeypatch):
    """Each setting comes from the strongest place that names it, and the listing says which one."""
    path = write("partitions = 2\nreplication = 2\nsettle_s = 2\n")
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    monkeypatch.setenv("GHOSTING_PARTITIONS", "3")
    monkeypatch.setenv("GHOSTING_REPLICATION", "3")
    found = {
        setting.name: (setting.value, setting.origin) for setting in effective({"partitions": 4, "settle_s": None})
    }
    assert found["partitions"] == ("4", "flag")
    assert found["replication"] == ("3", "environment")
    assert found["settle_s"] == ("2.0", "file"), "a flag that was not given is None"
    assert found["session_hours"] == ("20.0", "default")


def test_settings_built_by_hand_ignore_the_environment(monkeypatch):
    """Only `load` reads the environment: a test's own settings are what it says they are."""
    monkeypatch.setenv("GHOSTING_PARTITIONS", "3")
    assert Settings().partitions == 4


def test_a_file_named_by_flag_replaces_the_one_of_the_environment(write, monkeypatch):
    """The path given to `load` is read instead of GHOSTING_CONFIG."""
    monkeypatch.setenv(FILE_VARIABLE, "/does/not/exist.toml")
    assert load(file=write("partitions = 2")).partitions == 2


def test_an_empty_variable_is_not_set(monkeypatch):
    """Compose files pass unset variables on as empty ones."""
    monkeypatch.setenv("GHOSTING_PARTITIONS", "")
    monkeypatch.setenv(FILE_VARIABLE, "")
    assert load().partitions == 4


def test_lists_and_tables_have_a_form_for_each_place(write, monkeypatch):
    """A variable says `a,b` and `a=1,b=2` what the file says as list and table."""
    monkeypatch.setenv("GHOSTING_SOURCES", "mails, shop")
    monkeypatch.setenv("GHOSTING_SEGMENT_BUDGETS", "vip=4, retail=0.5")
    by_environment = load()
    monkeypatch.delenv("GHOSTING_SOURCES")
    monkeypatch.delenv("GHOSTING_SEGMENT_BUDGETS")
    by_file = load(file=write('sources = ["mails", "shop"]\n[segment_budgets]\nvip = 4\nretail = 0.5\n'))
    assert by_environment == by_file
    assert by_file.sources == ("mails", "shop")
    assert by_file.segment_budgets == {"vip": 4, "retail": 0.5}


def test_the_listing_can_be_set_again(monkeypatch):
    """Every value is listed in the form that its variable takes: a listing can become an environment."""
    expected = load({"sources": ("a", "b"), "segment_budgets": {"vip": 4.0}, "log_level": "debug"})
    for setting in effective(dict(expected)):
        monkeypatch.setenv(setting.variable, setting.value)
    assert load() == expected


def test_every_setting_is_described():
    """The documentation is made from the descriptions, so none is missing and each is a sentence."""
    for setting in effective():
        assert re.fullmatch(r".{20,}\.", setting.description), setting.name
        assert setting.variable == variable(setting.name)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("bootstrap_servers", "kafka", "should be HOST:PORT"),
        ("bootstrap_servers", "kafka://broker:9092", "should be HOST:PORT"),
        ("bootstrap_servers", "a:1,,b:2", "should be HOST:PORT"),
        ("app_id", "a b", "should be 1-100 letters"),
        ("app_id", "a" * 101, "should be 1-100 letters"),
        ("sources", ",", "at least 1 item"),
        ("sources", "a,a", "each source once"),
        ("sources", "a.b", "should be names of"),
        ("sources", "emails,alerts-history", "topics of our own"),
        ("partitions", "0", "greater than or equal to 1"),
        ("partitions", "many", "should be a valid integer"),
        ("session_timeout_s", "5", "greater than or equal to 6"),
        ("session_timeout_s", "61", "less than or equal to 60"),
        ("settle_s", "nan", "finite"),
        ("notify_max_age_days", "inf", "finite"),
        ("false_alerts_per_client_year", "0", "greater than or equal to 0.001"),
        ("segment_budgets", "vip", "pairs such as vip=0.5,retail=2"),
        ("rejected_share_max", "1.5", "less than or equal to 1"),
        ("log_level", "trace", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("log_format", "xml", "'auto', 'json' or 'text'"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(name, value, said, monkeypatch):
    """The line names the variable, what it should be, and what it is."""
    monkeypatch.setenv(variable(name), value)
    (line,) = problems()
    assert line.startswith(variable(name) + " should ")
    assert said in line
    assert line.endswith(f"but is {value[:80]!r}") or name in {"sources", "log_level"}


def test_every_problem_is_told_at_once_and_where_it_is(write, monkeypatch):
    """Flag, variable and file are each called by the name under which the operator knows them."""
    path = write("replication = 0\n[segment_budgets]\nvip = -1\n")
    monkeypatch.setenv("GHOSTING_PARTITIONS", "0")
    assert problems({"settle_s": -1}, sets={"session_hours": "x"}, file=path) == (
        "GHOSTING_PARTITIONS should be greater than or equal to 1, but is '0'",
        f"replication in {path} should be greater than or equal to 1, but is '0'",
        "--settle-s should be greater than or equal to 0, but is '-1'",
        f"segment_budgets[vip] in {path} should be greater than or equal to 0.001, but is '-1'",
        "--set session_hours should be a valid number, unable to parse string as a number, but is 'x'",
    )


def test_values_have_to_fit_each_other():
    """More records in a chunk than may wait would stop the worker for ever."""
    (line,) = problems({"chunk_records": 2000, "waiting_records_max": 1000})
    assert line == "chunk_records should not be greater than waiting_records_max; lower the one or raise the other"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("GHOSTING_PARTITION", "GHOSTING_PARTITIONS"),
        ("GHOSTING_BOOTSTRAP_SERVER", "GHOSTING_BOOTSTRAP_SERVERS"),
        ("GHOSTING_CONFIGURATION", "GHOSTING_CONFIG"),
        ("ghosting_app_id", "GHOSTING_APP_ID"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_nearest_one(name, nearest, monkeypatch):
    """A variable that sets nothing is an error, because the operator believes that it does."""
    monkeypatch.setenv(name, "1")
    assert problems() == (f"{name} is not a setting; did you mean {nearest}?",)


def test_a_variable_like_none_of_ours_is_told_where_to_look(monkeypatch):
    """Without a near name the line says how to list them."""
    monkeypatch.setenv("GHOSTING_XYZZY", "1")
    assert problems() == ("GHOSTING_XYZZY is not a setting; `ghosting settings` lists them all",)


@pytest.mark.parametrize(
    "name",
    [
        "GHOSTING_SERVICE_HOST",
        "GHOSTING_SERVICE_PORT_METRICS",
        "GHOSTING_PORT",
        "GHOSTING_PORT_9090_TCP",
        "GHOSTING_WORKER_PORT_9090_TCP_ADDR",
    ],
)
def test_variables_of_kubernetes_are_let_through(name, monkeypatch):
    """A Kubernetes service called ghosting may not stop the pods beside it from starting."""
    monkeypatch.setenv(name, "tcp://10.0.0.1:9090")
    assert load() == Settings()


def test_a_misspelt_key_of_the_file_is_told(write):
    """The file is held to the same names as the environment."""
    path = write("partition = 1")
    assert problems(file=path) == (f"partition in {path} is not a setting; did you mean partitions?",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist"),
        (b"partitions: 4", "is not TOML"),
        (b'app_id = "\xff"', "is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(content, said, tmp_path, monkeypatch):
    """The line names the file and the variable that names it."""
    path = tmp_path / "ghosting.toml"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    (line,) = problems()
    assert line.startswith(f"{path} (settings file, GHOSTING_CONFIG) {said}")


def test_a_folder_is_no_settings_file(tmp_path):
    """What the operating system says is passed on."""
    (line,) = problems(file=tmp_path)
    assert "cannot be read: Is a directory" in line


def test_settings_do_not_change():
    """Settings are frozen: what was printed at the start stays true."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().partitions = 5


def test_every_topic_begins_with_the_app_id():
    """Two installations on one broker have no topic in common, and no source can take one of our own names."""
    settings = Settings(app_id="acme.eu")
    own = (
        settings.alerts_topic,
        settings.history_topic,
        settings.rejected_topic,
        settings.dead_letters_topic,
        settings.rerouted_topic,
        settings.state_topic,
        settings.commands_topic,
        settings.gaps_topic,
    )
    assert own == (
        "acme.eu.alerts",
        "acme.eu.alerts-history",
        "acme.eu.rejected",
        "acme.eu.dead-letters",
        "acme.eu.rerouted",
        "acme.eu.state",
        "acme.eu.commands",
        "acme.eu.gaps",
    )
    assert own == tuple(map(settings.topic, OWN_TOPICS))


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("email", "emails"),
        ("message", "emails"),
        ("survey", "emails"),
        ("call", "calls"),
        ("meeting", "calls"),
        ("order", "orders"),
        ("payment", "orders"),
        ("ticket", "orders"),
        ("unheard-of", "emails"),
    ],
)
def test_a_kind_has_its_usual_source(kind, source):
    """Kinds are spread over the three default sources; what has no place goes to the first."""
    assert Settings().source_of(kind) == source
    assert Settings(sources=("first", "second")).source_of(kind) == "first"


def test_the_folder_of_data_sets_is_no_typing_error(monkeypatch):
    """Tests and `make accuracy` read GHOSTING_DATA, with the program's variables around it."""
    monkeypatch.setenv("GHOSTING_DATA", "/data")
    assert load() == Settings()


def test_every_budget_reaches_the_policy():
    """Silences, declines and overdue replies have a budget each."""
    budgets = {
        "false_alerts_per_client_year": 2.0,
        "false_declines_per_client_year": 0.25,
        "false_overdue_per_client_year": 4.0,
    }
    policy = policy_of(Settings(**budgets))
    assert {name: getattr(policy, name) for name in budgets} == budgets
    default = policy_of(Settings())
    assert (default.false_declines_per_client_year, default.false_overdue_per_client_year) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "does not exist; correct"), (b"{", "is not JSON; make one"), (b'{"version": 9}', "is not of version 1")],
)
def test_a_prior_file_that_cannot_be_used_is_one_line(tmp_path, content, said):
    """It names the file, the setting and the remedy."""
    path = tmp_path / "prior.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as told:
        policy_of(Settings(prior_file=path))
    (line,) = told.value.problems
    assert line.startswith(f"{path} (prior file, GHOSTING_PRIOR_FILE or --prior) {said}")
    assert "ghosting learn" in line


def test_no_prior_file_is_shown_as_an_empty_value():
    """What is shown could be set again, and an empty variable is not set."""
    (shown,) = [one for one in effective() if one.name == "prior_file"]
    assert (shown.value, shown.origin) == ("", "default")
