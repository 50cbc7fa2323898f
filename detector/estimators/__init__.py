"""The detector's statistics as River components, for notebooks: thin wrappers around the kernels of the core.

`client_of(shard, id)` gives them back for a client of a shard. docs/estimators.md shows them at work.
"""

from detector.estimators.client import Client, UnknownClientError, client_of
from detector.estimators.outlook import Chances, Outlook
from detector.estimators.replies import Replies
from detector.estimators.rhythm import Rhythm
from detector.estimators.segment import Segment
from detector.estimators.trend import Levels, Trend

__all__ = [
    "Chances",
    "Client",
    "Levels",
    "Outlook",
    "Replies",
    "Rhythm",
    "Segment",
    "Trend",
    "UnknownClientError",
    "client_of",
]
