"""A prior file: what one history taught, for shards that begin with nothing.

Of segments are kept the sums that tables are made of, not the tables, so that what a shard sees itself adds to them.
The file is JSON that people can read, and only its version says how (version 1 has no outlook):

    {"version": 2, "segments": {"default": {"contact": {
        "settled": 60, "settled_log_sum": 155.2,
        "rhythms": {"4": {"log_mean_sum": 2410.6, "gaps": {"17": 96, "20": 371}}}}}}}

A rhythm is a bin of mean gaps (0 = below 1 day, 1 = below 2, then 4, ... 128, and above), a key of `gaps` a bin of
ln(gap / own mean gap), .2 wide from -4 on. Bins without a gap are left out. `outlook` is what was learned of the
return of clients: a Gaussian posterior (model.return_chance), which is no sum; it is left out if nothing was learned.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from detector.core.layout import NUMBERS, OWN_RATE, RHYTHM_BINS, SILENCES, U_BINS, Records, new_segments
from detector.core.model import return_chance
from detector.core.state.moments import Taught
from detector.core.state.table import Table

VERSION: Final = 2
BYTES_MAX: Final = 32 * 1024 * 1024
"""A thousand segments with every bin filled are half of it."""
_COUNT_MAX: Final = 2**53  # up to here a float counts exactly
_LOG_DAYS_MAX: Final = 20.0  # a mean gap lies between exp(-20) and exp(20) days: damage would be seen


_NUMBER_MAX: Final = 100.0  # a weight, a bias or a logarithm of a rate
_SEVEN: Final = Field(min_length=NUMBERS, max_length=NUMBERS)
SegmentName = Annotated[str, Field(min_length=1, max_length=64)]


class PriorError(Exception):
    """What is wrong with a prior file."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _refuse_impossible(name: str, log_sum: float, count: int) -> None:
    if abs(log_sum) > _LOG_DAYS_MAX * count:
        raise ValueError(f"{name} should be a sum of {count} logarithms of days")


class Rhythm(_Part):
    """The completed gaps of clients with about the same mean gap."""

    log_mean_sum: float
    gaps: dict[Annotated[int, Field(ge=0, lt=U_BINS)], Annotated[int, Field(ge=1, le=_COUNT_MAX)]]

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        _refuse_impossible("log_mean_sum", self.log_mean_sum, sum(self.gaps.values()))
        return self


class Population(_Part):
    """What one kind of silence in one segment has taught."""

    settled: Annotated[int, Field(ge=0, le=_COUNT_MAX)] = 0
    settled_log_sum: float = 0.0
    rhythms: dict[Annotated[int, Field(ge=0, lt=RHYTHM_BINS)], Rhythm] = {}

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        _refuse_impossible("settled_log_sum", self.settled_log_sum, self.settled)
        return self


class Segment(_Part):
    """One segment: the fields are those of a segment's record, layout.SILENCES."""

    contact: Population = Population()
    orders: Population = Population()
    reply: Population = Population()


class OwnRate(_Part):
    """What sets the departures of a segment apart: a logarithm, and its variance."""

    log_rate: Annotated[float, Field(ge=-_NUMBER_MAX, le=_NUMBER_MAX)]
    variance: Annotated[float, Field(gt=0, le=return_chance.SEGMENT_VARIANCE)]
    day: float


class Outlook(_Part):
    """What was learned of the return of clients: layout.POSTERIOR."""

    weights: Annotated[list[Annotated[float, Field(ge=-_NUMBER_MAX, le=_NUMBER_MAX)]], _SEVEN]
    covariance: Annotated[list[Annotated[list[float], _SEVEN]], _SEVEN]
    day: float
    labels: Annotated[int, Field(ge=1, le=_COUNT_MAX)]
    segments: dict[SegmentName, OwnRate] = {}

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        covariance = np.array(self.covariance)
        if (covariance != covariance.T).any() or (np.linalg.eigvalsh(covariance) <= 0).any():
            raise ValueError("covariance should be symmetric and positive")
        return self


class Prior(_Part):
    """The whole file."""

    version: Literal[1, 2]
    segments: dict[SegmentName, Segment]
    outlook: Outlook | None = None


def learned(tables: Iterable[Table]) -> Prior:
    """Add up what shards have learned, segment by segment; segments without a gap are left out.

    Posteriors cannot be added up: that of the shard with the most labels is taken. Without one the file is of version
    1, which former versions read.
    """
    tables, sums = list(tables), dict[str, Any]()
    for table in tables:
        for name, record in zip(table.segment_names, table.segments, strict=False):
            total = sums.setdefault(name, new_segments(1)[0])
            for silence in SILENCES:
                for field in ("completed", "log_mean_sum", "settled", "settled_log_sum"):
                    total[silence][field] += record[silence][field]
    segments = {
        name: Segment(**{silence: _population(one[silence]) for silence in SILENCES}) for name, one in sums.items()
    }
    known = {name: segment for name, segment in segments.items() if segment != Segment()}
    outlook = _outlook(max(tables, key=_labels))
    return Prior(version=1 if outlook is None else VERSION, segments=known, outlook=outlook)


def _labels(table: Table) -> int:
    return int(table.moments.posterior[0].labels)


def _outlook(table: Table) -> Outlook | None:
    """What a shard has learned of the return of clients; None = nothing."""
    posterior, rates = table.moments.posterior[0], table.moments.waiting.rates
    if not _labels(table):
        return None
    segments = {
        name: OwnRate(**{field: float(rates[field][number]) for field in OWN_RATE.names or ()})
        for number, name in enumerate(table.segment_names)
        if np.isfinite(rates["day"][number])
    }
    return Outlook(
        weights=posterior.weights.tolist(),
        covariance=posterior.covariance.tolist(),
        day=float(posterior.day),
        labels=_labels(table),
        segments=segments,
    )


def _taught(outlook: Outlook) -> Taught:
    """Return it as a shard takes it."""
    posterior = return_chance.new_posterior()
    for field in ("weights", "covariance", "day", "labels"):
        posterior[field] = getattr(outlook, field)
    rates = {}
    for name, own in outlook.segments.items():
        rates[name] = return_chance.new_own_rates(1)[0]
        for field in OWN_RATE.names or ():
            rates[name][field] = getattr(own, field)
    return Taught(posterior, rates)


class Knowledge(NamedTuple):
    """What a policy takes of a prior file: records of layout.SEGMENT by segment, and what was learned of returns."""

    segments: Mapping[str, Records]
    taught: Taught | None


def gaps_of(population: Population) -> int:
    """Count the completed gaps that a population's sums are made of."""
    return sum(sum(rhythm.gaps.values()) for rhythm in population.rhythms.values())


def _population(record: Records) -> Population:
    rhythms = {
        number: Rhythm(
            log_mean_sum=float(record["log_mean_sum"][number]),
            gaps={k: int(count) for k, count in enumerate(completed.tolist()) if count},
        )
        for number, completed in enumerate(record["completed"])
        if completed.any()
    }
    return Population(settled=int(record["settled"]), settled_log_sum=float(record["settled_log_sum"]), rhythms=rhythms)


def segment_records(prior: Prior) -> dict[str, Records]:
    """Return the sums as a shard takes them: records of layout.SEGMENT, not fitted yet, by segment."""
    found = {}
    for name, segment in prior.segments.items():
        record: Any = new_segments(1)[0]
        for silence in SILENCES:
            population: Population = getattr(segment, silence)
            record[silence]["settled"] = population.settled
            record[silence]["settled_log_sum"] = population.settled_log_sum
            for number, rhythm in population.rhythms.items():
                record[silence]["log_mean_sum"][number] = rhythm.log_mean_sum
                for k, count in rhythm.gaps.items():
                    record[silence]["completed"][number, k] = count
        found[name] = record
    return found


def encode(prior: Prior) -> bytes:
    """Write it as JSON, the same bytes for the same sums."""
    return prior.model_dump_json(indent=1, exclude_defaults=True).encode() + b"\n"


def decode(value: bytes) -> Knowledge:
    """Read the content of a prior file, as records for a policy.

    Raises
    ------
    PriorError
        If it is none: the end of a sentence that says what is wrong.
    """
    if len(value) > BYTES_MAX:
        raise PriorError(f"is larger than {BYTES_MAX // 1024**2} MiB")
    try:
        prior = Prior.model_validate_json(value)
    except ValidationError as error:
        raise PriorError(_problem(error)) from None
    return Knowledge(segment_records(prior), None if prior.outlook is None else _taught(prior.outlook))


def _problem(error: ValidationError) -> str:
    """Return the first problem; the others mostly follow from it."""
    details = error.errors(include_url=False)[0]
    if details["type"] == "json_invalid":
        return "is not JSON"
    if details["loc"] == ("version",):
        return f"is not of version 1 or {VERSION}"
    where = ".".join(map(str, details["loc"])) or "the whole"
    return f"is damaged at {where[:120]}: {details['msg'].removeprefix('Value error, ')}"
