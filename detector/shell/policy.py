"""From the settings to the small policy that a shard obeys."""

from detector.core.shard import Policy
from detector.shell.settings import Settings


def policy_of(settings: Settings) -> Policy:
    """Take from the settings what a shard has to know."""
    return Policy(
        sources=tuple(settings.sources),
        app_id=settings.app_id,
        false_alerts_per_client_year=settings.false_alerts_per_client_year,
        segment_budgets=dict(settings.segment_budgets),
        session_hours=settings.session_hours,
        learning_gaps_min=settings.learning_gaps_min,
        segments_max=settings.segments_max,
    )
