"""The parameters of a simulated firm, as `simulate` is given them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from detector.simulate.firm import Firm


def firm_of(parameters: Iterable[str], outages: Iterable[str], **given: object) -> "Firm":
    """Build a firm, or say what is wrong with it.

    Parameters
    ----------
    parameters
        NAME=VALUE, any of `Firm` that can be said in a word.
    outages
        SOURCE,START,END each.
    given
        Parameters that have options of their own.
    """
    from dataclasses import fields

    from pydantic import TypeAdapter, ValidationError

    from detector.simulate.firm import Firm

    plain = {field.name for field in fields(Firm)} - {"mix", "outages", *given}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals or name not in plain:
            raise typer.BadParameter(f"--set {parameter} is not NAME=VALUE with one of {', '.join(sorted(plain))}")
        given[name] = value
    stretches = [dict(zip(("source", "start", "end"), outage.split(","), strict=False)) for outage in outages]
    try:
        return TypeAdapter(Firm).validate_python({**given, "outages": stretches})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(f"{place}: {said}" if place else said) from None
