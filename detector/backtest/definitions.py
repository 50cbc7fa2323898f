"""What every figure means, and what it does not: shown on the report's page, and held to docs/backtest.md by a test."""

from typing import Final, NamedTuple


class Definition(NamedTuple):
    """A figure, what it is, and its caveat."""

    name: str
    meaning: str
    caveat: str


DEFINITIONS: Final = (
    Definition(
        "Contact",
        "Inbound interactions of a client, not a machine's, less than a session (20 hours) apart are one contact.",
        "What did not reach the log did not happen: a client that moved to a channel you do not record looks silent.",
    ),
    Definition(
        "Silence",
        "Time from one contact to the next, in days of the calendar; the last one of each client ends with the log.",
        "A silence up to the end of a log is not a confirmed departure.",
    ),
    Definition(
        "Own mean gap",
        "Mean time between the client's contacts before the silence, recent ones counting more, shrunk towards the"
        " log's typical gap as if one such gap had been seen.",
        "A client with three gaps has hardly a mean; that is why it is shrunk.",
    ),
    Definition(
        "False alert",
        "An alert after which the client came back before the log ended.",
        "An alert about a client that comes back after the end of the log is not counted as false, so the last part of"
        " a log looks better than it was. Nor is every false alert useless: some clients came back because somebody"
        " called them, which a log cannot tell.",
    ),
    Definition(
        "Budget, and what is promised",
        "The false alerts per client-year that were asked for, times the client-years watched: the time from a"
        " client's third gap on in which it was not under an alert already, until the log ends.",
        "Clients that left without an alert yet are still counted as watched, which makes the promise a little too"
        " large; counting only silences that ended makes it too small. Both are in the JSON (overall,"
        " ended_silences).",
    ),
    Definition(
        "Realised / promised",
        "False alerts over those promised: 1 is as promised, 2 is twice as many. By rhythm (own mean gap), by history"
        " (gaps seen before the silence) and by thirds of the log.",
        "With few false alerts the ratio is chance: 4 promised may as well be 1 or 8. The first third is spent"
        " learning, and the last third misses returns after its end.",
    ),
    Definition(
        "Alerts a week",
        "Opened alerts over the weeks of the log, for all clients together.",
        "Nobody can be alerted in the first weeks of a log, so a running installation raises more.",
    ),
    Definition(
        "Share without return",
        "Share of the alerts after which the client was not heard again before the log ended.",
        "Recent alerts had little time to prove false.",
    ),
    Definition(
        "Last silences",
        "The one silence of each client that the log does not see the end of, if an alert was possible about it: the"
        " departures are among them.",
        "Most of them are no departures: a client that was heard yesterday has one too.",
    ),
    Definition(
        "Silence at the alert",
        "In the last silences: how long the client had been silent when the alert came, in days and in own mean gaps"
        " (median over those that were alerted).",
        "Clients without an alert are not in it, so a rule that alerts fewer can look faster: compare rules by missed"
        " contacts.",
    ),
    Definition(
        "Missed contacts",
        "In the last silences: own mean gaps that passed until the alert, or until the log ended if none came (mean"
        " over all of them). Smaller is better.",
        "Clients that were heard shortly before the end of the log add the same to every rule.",
    ),
    Definition(
        "Baselines",
        "Rules that alert when a silence of t days passes k times a scale: the square root of the own mean gap"
        " (t / sqrt(m)), the own mean gap as it is (k x mean) or shrunk (k x shrunk mean), or a day for everybody"
        " (fixed days). Each k is the least that gives at most as many false alerts as the detector had."
        " 14 days for all is taken as it is.",
        "The k is chosen with the whole log known, which no rule can do in life: these rules are hard to beat.",
    ),
    Definition(
        "Not heard again",
        "What openings and escalations said of their client's return, for 30 days, 90 days and until it counts as gone"
        " (three times its own deadline, 90 to 365 days), against what came true. Brier: mean squared difference;"
        " skill: 1 - that by the Brier score of the share so far, which a constant can say. Each chance was said before"
        " its outcome was known.",
        "An alert counts where its days ended within the log, so a log of less than a year says little of the last"
        " horizon. The chances are for the level, not for the order: who is to be called first is another question.",
    ),
    Definition(
        "What was learned",
        "P(a silence lasts longer than t and ends): the table of each segment at the end of the log, for clients of"
        " some mean gap. Each shard learns its own; of several the one that has learned most is shown.",
        "Only silences that ended are in it, by design: departures must not make the rule patient.",
    ),
    Definition(
        "Clients shown",
        "Biggest hits: of the clients alerted and not heard again, those with the most at stake: order value in the log"
        " (contacts, if it has no amounts) times the chance of departure that the last alert gave. Worst false alarms:"
        " where that chance was highest, and the client came back. One timeline per client.",
        "They are chosen to be looked at, not to be typical. Amounts of different currencies are added as they stand.",
    ),
)
