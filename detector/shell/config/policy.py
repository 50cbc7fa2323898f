"""From the settings to the small policy that a shard follows."""

from pathlib import Path

from detector.core.engine.shard import Policy
from detector.core.views import prior
from detector.shell.config.settings import Settings, SettingsError, variable


def policy_of(settings: Settings) -> Policy:
    """Build the policy of a shard from the settings.

    Raises
    ------
    SettingsError
        If the prior file cannot be used.
    """
    known = _prior(settings.prior_file) if settings.prior_file else prior.Knowledge({}, None)
    return Policy(
        sources=tuple(settings.sources),
        app_id=settings.app_id,
        false_alerts_per_client_year=settings.false_alerts_per_client_year,
        false_declines_per_client_year=settings.false_declines_per_client_year,
        false_overdue_per_client_year=settings.false_overdue_per_client_year,
        segment_budgets=dict(settings.segment_budgets),
        session_hours=settings.session_hours,
        escalate_at=settings.escalate_at,
        learning_gaps_min=settings.learning_gaps_min,
        segments_max=settings.segments_max,
        prior=known.segments,
        taught=known.taught,
    )


def _prior(path: Path) -> prior.Knowledge:
    called = f"{path} (prior file, {variable('prior_file')} or --prior)"
    try:
        with path.open("rb") as file:
            return prior.decode(file.read(prior.BYTES_MAX + 1))
    except FileNotFoundError:
        problem = "does not exist; correct the path, or make one with `ghosting learn`"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except prior.PriorError as error:
        problem = f"{error}; make one with `ghosting learn`"
    raise SettingsError(f"{called} {problem}")
