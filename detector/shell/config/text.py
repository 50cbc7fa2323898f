"""How a list or a mapping is written as text: in an environment variable, or in a flag."""


def listed(value: object) -> object:
    """Read `a,b` as a list."""
    return tuple(_parts(value)) if isinstance(value, str) else value


def pairs(value: object) -> object:
    """Read `vip=0.5,retail=2` as a mapping."""
    if not isinstance(value, str):
        return value
    return dict(part.rsplit("=", 1) for part in _parts(value, having_equals="pairs such as vip=0.5,retail=2"))


def urls_by_name(value: object) -> object:
    """Read `crm=https://crm.example/alerts?a=b` as a mapping: the name ends at the first equals sign."""
    if not isinstance(value, str):
        return value
    expected = "names and addresses such as crm=https://crm.example/alerts"
    return dict(part.split("=", 1) for part in _parts(value, having_equals=expected))


def _parts(text: str, *, having_equals: str = "") -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if having_equals and not all("=" in part for part in parts):
        raise ValueError(f"should be {having_equals}")
    return parts
