"""False alerts on the orders of a shop, one a client-year promised, from nothing and with nothing held back."""

from collections.abc import Iterator

from benchmarks.accuracy.logs import Row, judged_retail


def rows() -> Iterator[Row]:
    """Overall, and by thirds of the log."""
    calibration = judged_retail([1.0]).judged[0].calibration
    ratio = calibration.overall.realised_over_nominal or 0.0
    ended = calibration.ended_silences.realised_over_nominal or 0.0
    thirds = " / ".join(f"{third.realised_over_nominal or 0:.2f}" for third in calibration.by_third)
    yield Row(
        "realised / nominal false alerts, online_retail_ii, F = 1, from nothing, nothing held back",
        ".85-1.15",
        f"{ratio:.2f} (of the silences that ended alone: {ended:.2f}; thirds of the log: {thirds})",
        0.85 <= ratio <= 1.15,
    )
