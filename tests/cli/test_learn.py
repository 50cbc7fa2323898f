"""The command `learn`, and what makes use of its file."""

import json

import pytest

DAY_S, START_S = 86_400, 1_735_689_600
HEADER = "client_id,kind,at,direction,segment"


def written(path, clients, contacts):
    """Write clients that call every other day until they stop."""
    rows = [
        f"client-{client},call,{START_S + 2 * k * DAY_S + client * 60},inbound,vip"
        for k in range(contacts)
        for client in range(clients)
    ]
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


@pytest.fixture
def prior(ghosting, tmp_path):
    """Give what was learned of ten clients."""
    path = tmp_path / "prior.json"
    code, out, err = ghosting("learn", written(tmp_path / "history.csv", 10, 40), "-o", path)
    assert (code, err) == (0, "")
    assert "vip" in out
    return path


def test_the_file_says_what_was_learned(prior):
    """All gaps from a client's fourth on are in it, in the one segment that there is."""
    told = json.loads(prior.read_text())
    assert (told["version"], "outlook" in told) == (1, False)  # nobody was silent for too long
    assert list(told["segments"]) == ["vip"]
    gaps = [rhythm["gaps"] for rhythm in told["segments"]["vip"]["contact"]["rhythms"].values()]
    assert sum(sum(one.values()) for one in gaps) == 10 * (39 - 3)


def test_standard_output_is_the_file_alone(ghosting, prior, tmp_path):
    """And the same history gives the same bytes."""
    code, out, err = ghosting("learn", tmp_path / "history.csv", "-o", "-")
    assert code == 0
    assert out == prior.read_text()
    assert "clients" in err


def test_a_small_firm_is_told_of_at_once(ghosting, prior, tmp_path):
    """Three clients that stop are held by a replay without a prior, and told with one, by flag and by variable."""
    few = written(tmp_path / "few.csv", 3, 10)
    ends = ("--partitions", 1, "--alerts", tmp_path / "alerts", "--until", "2025-06-01T00:00:00Z", "--json")
    without = json.loads(ghosting("replay", few, *ends)[1])
    told = json.loads(ghosting("replay", few, "--prior", prior, *ends)[1])
    assert (without["held"], without["alerts"]) == (3, {})
    assert told["held"] == 0
    assert told["alerts"]["silence_exceeded contact opened"] == 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GHOSTING_PRIOR_FILE", str(prior))
        assert json.loads(ghosting("replay", few, *ends)[1])["alerts"] == told["alerts"]
        # What is learned is of the files alone.
        assert ghosting("learn", tmp_path / "history.csv", "-o", "-")[1] == prior.read_text()


def test_a_backtest_begins_with_it(ghosting, prior, tmp_path):
    """Held alerts are those of a firm that nobody knows."""
    few = written(tmp_path / "few.csv", 3, 10)
    with (few).open("a") as more:
        more.write(f"client-0,call,{START_S + 200 * DAY_S},inbound,vip\n")
    line = ("backtest", few, "--keep-far", "--partitions", 1, "--learning", "--false-alerts", "1", "--json", "-")
    held = [json.loads(ghosting(*line, *flags)[1])["budgets"][0]["held"] for flags in ((), ("--prior", prior))]
    assert held == [3, 0]


def test_nothing_to_learn_is_said(ghosting, tmp_path):
    """Clients of one event have no gap; the file is valid and empty."""
    code, out, _ = ghosting("learn", written(tmp_path / "once.csv", 5, 1), "-o", tmp_path / "prior.json")
    assert code == 0
    assert "nothing was learned" in out
    assert json.loads((tmp_path / "prior.json").read_text()) == {"version": 1, "segments": {}}


def test_a_history_is_not_overwritten(ghosting, tmp_path):
    """Nor is a missing prior passed over: each is one line."""
    history = written(tmp_path / "history.csv", 2, 2)
    before = history.read_bytes()
    code, _, err = ghosting("learn", history, "-o", history)
    assert (code, history.read_bytes()) == (1, before)
    assert "different files" in err
    code, _, err = ghosting("replay", history, "--alerts", "-", "--prior", tmp_path / "none.json")
    assert (code, err.count("\n")) == (1, 1)
    assert "does not exist" in err
