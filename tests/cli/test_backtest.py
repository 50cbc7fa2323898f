"""The command `backtest`, as its users meet it."""

import json

import pytest

DAY_S, START_S = 86_400, 1_735_689_600


@pytest.fixture
def history(tmp_path):
    """Give a file of twenty clients that write every other day for two hundred days, some with a pause."""
    path = tmp_path / "history.csv"
    rows = [
        f"client-{client},email,{START_S + day * DAY_S + client * 60},inbound"
        for day in range(0, 200, 2)
        for client in range(20)
        if (client or day < 100) and not (client % 3 == 0 and 20 < day < 50)
    ]
    path.write_text("\n".join(["client_id,kind,at,direction", *rows, ""]))
    return path


def test_it_prints_figures_and_what_they_cannot_say(ghosting, history):
    """On eighty columns, per budget, with the caveat that comes before all others."""
    code, out, err = ghosting("backtest", history, "--partitions", 1)

    assert (code, err) == (0, "")
    assert all(f"budget {budget}" in out for budget in ("0.25", "1", "3"))
    for rule in ("this detector", "t / sqrt(m)", "k x mean", "k x shrunk mean", "fixed days", "14 days for all"):
        assert out.count(f"\n{rule}") == 3
    assert "- There is no outbound event" in out
    assert "not a confirmed departure" in out
    assert "…" not in out


def test_it_writes_a_page_and_figures(ghosting, history, tmp_path):
    """Both files are complete; the figures are those of the tables."""
    page, figures = tmp_path / "report.html", tmp_path / "figures.json"

    code, out, _ = ghosting(
        "backtest", history, "--partitions", 1, "--false-alerts", "2,.5", "--report", page, "--json", figures
    )

    assert code == 0
    assert page.read_text().rstrip().endswith("</html>")
    told = json.loads(figures.read_text())
    assert [budget["false_alerts_per_client_year"] for budget in told["budgets"]] == [0.5, 2]
    assert f"({told['budgets'][1]['calibration']['overall']['false_alerts']})" in out
    assert told["log"]["clients"] == 20


def test_figures_on_standard_output_stand_alone(ghosting, history):
    """Results of a pipe are not mixed with tables."""
    code, out, err = ghosting("backtest", history, "--json", "-", "--false-alerts", "1")

    assert code == 0
    assert len(json.loads(out)["budgets"]) == 1
    assert "this detector" in err


def test_alerts_are_held_only_if_asked_for(ghosting, history):
    """A firm of twenty clients has too few gaps in each of four shards for a while."""
    held = [
        json.loads(ghosting("backtest", history, "--json", "-", "--false-alerts", "1", *flags)[1])["budgets"][0]["held"]
        for flags in ((), ("--learning",))
    ]

    assert held[0] == 0
    assert held[1] > 0


@pytest.mark.parametrize("budgets", ["", "often", "0", "1,-1", "nan", "1000"])
def test_wrong_budgets_are_wrong_usage(ghosting, history, budgets):
    """The message shows what they should look like."""
    code, _, err = ghosting("backtest", history, "--false-alerts", budgets)

    assert code == 2
    assert ".25,1,3" in err


def test_it_does_not_overwrite_its_input(ghosting, history):
    """A slip of the hand does not cost the history."""
    before = history.read_bytes()

    code, _, err = ghosting("backtest", history, "--report", history)

    assert (code, history.read_bytes()) == (1, before)
    assert "different files" in err


def test_a_page_that_cannot_be_written_is_told_before_the_work(ghosting, history, tmp_path):
    """In one line, with exit code 1."""
    code, out, err = ghosting("backtest", history, "--report", tmp_path / "missing" / "report.html")

    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "cannot be written" in err


def test_an_empty_file_is_told(ghosting, tmp_path):
    """Nothing is computed of nothing, and that is said."""
    (tmp_path / "empty.csv").write_text("client_id,kind,at,direction\n")

    code, out, _ = ghosting("backtest", tmp_path / "empty.csv")

    assert code == 1
    assert "nothing can be computed" in out
