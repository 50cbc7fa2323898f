"""False alerts on calls and messages between students, one a client-year promised: four weeks, daily rhythms.

For information: in so short a log nearly all is learning, and the few client-years promise few false alerts.
"""

from collections.abc import Iterator

from benchmarks.accuracy.logs import Row, judged, messages
from detector.files.files import read_batches


def rows() -> Iterator[Row]:
    """Overall, with the counts that the ratio is made of."""
    overall = judged(read_batches([str(messages())]), [1.0]).judged[0].calibration.overall
    ratio = overall.realised_over_nominal
    yield Row(
        "the same on calls and messages of students, copenhagen_cns, four weeks, for information",
        "",
        f"{'none promised' if ratio is None else f'{ratio:.2f}'} ({overall.false_alerts} false alerts in"
        f" {overall.client_years:.1f} client-years)",
        None,
    )
