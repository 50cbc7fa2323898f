"""How long one client takes to reply, as a River anomaly detector: the same rhythm, on reply times."""

from typing import Any

from detector.core.clock import NO_TIME_OFF
from detector.core.model import replies, trend
from detector.core.primitives.hashing import conversation
from detector.estimators.outlook import Features
from detector.estimators.segment import Segment
from detector.estimators.silence import Silence
from detector.estimators.trend import Trend


class Replies(Silence):
    """Scores how long our first unanswered message waits by the client's own reply times.

    Teach it what was written in both directions, in order. What is older than the client's last message, or lacks time
    or direction, is passed over. `trend` is the decline of the reply latency, learned along.

    Parameters
    ----------
    segment
        The clients that this one is compared with; None = a segment of its own.
    at
        The feature that holds the time, in epoch seconds.
    direction
        The feature that says who wrote: `inbound` = the client, `outbound` = we.
    thread
        The feature with the conversation, which may be missing.

    Examples
    --------
    >>> from detector.estimators import Replies
    >>> day_s = 86400.0
    >>> ann = Replies()
    >>> for week in range(1, 11):
    ...     ann.learn_one({"at": 7 * week * day_s, "direction": "outbound"})
    ...     ann.learn_one({"at": (7 * week + 1) * day_s, "direction": "inbound"})
    >>> ann.score_one({"at": 87 * day_s})  # nothing is unanswered
    0.0
    >>> ann.learn_one({"at": 87 * day_s, "direction": "outbound"})
    >>> [round(ann.score_one({"at": (87 + days) * day_s}), 2) for days in (0.5, 2, 6)]
    [0.44, 0.88, 0.98]
    """

    def __init__(
        self, segment: Segment | None = None, at: str = "at", direction: str = "direction", thread: str = "thread_id"
    ) -> None:
        super().__init__("reply", segment, at)
        self.direction = direction
        self.thread = thread
        self.trend = Trend("reply_latency")

    def score_one(self, x: Features) -> float:
        """The percentile of the wait at this time; 0 if nothing is unanswered, or nothing can be said."""
        return 0.0 if self.last_s is None else super().score_one(x)

    def learn_one(self, x: Features) -> None:
        """Take one message in.

        Parameters
        ----------
        x
            Its time, its direction and, if known, its conversation.
        """
        client = self._clients[0]
        if self.at not in x or x[self.at] < client.contact.last_s:
            return
        at_s, thread = x[self.at], conversation(x.get(self.thread))
        self.segment.come_to(at_s)
        if x.get(self.direction) == "inbound":
            self._learn_theirs(client, at_s, thread)
        elif x.get(self.direction) == "outbound":
            replies.learn_our_reply(client, self.segment.rows[0], at_s, NO_TIME_OFF)
            replies.await_reply(
                client, self.segment.rows[0], at_s, thread, trend.interval_days(self.trend.rows[0]), NO_TIME_OFF
            )

    def _learn_theirs(self, client: Any, at_s: float, thread: int) -> None:  # noqa: ANN401 - a record of layout.CLIENT
        self._clients.contact["last_s"] = int(at_s)
        if replies.is_reply(client, thread):
            days = replies.learn_reply(client, self.segment.rows[0], at_s, NO_TIME_OFF)
            self.trend.learn_one({self.trend.at: at_s, self.trend.value: days})
        replies.await_our_reply(client, at_s)

    def waits_for_us(self, at_s: float) -> bool:
        """Whether the client's message waits longer for our answer than it usually has to in this segment."""
        return bool(replies.waits_for_us(self._clients[0], self.segment.rows[0], at_s, NO_TIME_OFF))
