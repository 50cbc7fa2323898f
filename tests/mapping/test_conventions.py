"""What holds for every tool: ids, addresses, numbers, times, amounts, our own side, and the order of the reasons."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mapping import amounts, machine, times
from detector.mapping.firm import Firm, address
from detector.mapping.text import Number, digest, id_of, salesforce_id
from schemas.interaction import INTERACTION
from tests.mapping.invented import FIRM, event, events, reason

VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (9007199254740993, "9007199254740993"),
        ("0010042", "0010042"),
        ("  C-7\u00a0", "C-7"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("6001", "6001"),
        (Number("123456789012345678901234567890"), "123456789012345678901234567890"),
        ("1E5B", "1E5B"),
        ("2E5", "2E5"),
        (0, None),
        ("0", None),
        ("", None),
        (" \u00a0", None),
        (None, None),
        ("4.91512E+11", None),
        ("4,91512E+11", None),
        ("4.91512e+11", None),
        ("4E+11", None),
        (Number("4.9e11"), None),
        ("x" * 200, "x" * 200),
        ("x" * 201, None),
        ("a\nb", None),
        ("a\x00b", None),
        ("half \ud83d", None),
        ([1], None),
        ({"id": 1}, None),
    ],
)
def test_ids_are_exact_text(value, expected):
    """An id keeps its text; 0, empty, null, what a spreadsheet damaged and what the contract refuses are no id."""
    assert id_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" Anna@West-Laden.example ", "anna@west-laden.example"),
        ('"Laden, West" <Anna@West-Laden.example>', "anna@west-laden.example"),
        ("mailto:Anna@west-laden.example", "anna@west-laden.example"),
        ("MAILTO:anna@west-laden.example", "anna@west-laden.example"),
        ("Anna <mailto:anna@west-laden.example>", "anna@west-laden.example"),
        ("n/a", None),
        ("@west-laden.example", None),
        ("anna@", None),
        ("anna@a@b.example", None),
        ("anna smith@b.example", None),
        ("", None),
        (None, None),
        (12, None),
        ("a" * 400 + "@b.example", None),
    ],
)
def test_addresses_have_one_form(value, expected):
    """An address is bare and in lower case; what is none is no address."""
    assert address(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("+43 1 555-0123", "+4315550123"),
        ("0043 1 5550123", "+4315550123"),
        ("01 5550123", "+4315550123"),
        ("1 5550123", "+4315550123"),
        ("anonymous", None),
        ("Restricted", None),
        ("UNKNOWN", None),
        ("private", None),
        ("+266696687", None),
        ("266696687", "+43266696687"),
        ("00266696687", None),
        ("", None),
        ("s", None),
        ("4.91512E+11", None),
        (4315550123, "+434315550123"),
    ],
)
def test_numbers_have_one_form(value, expected):
    """A phone number is digits with a plus, completed as the firm says."""
    assert FIRM.number(value) == expected


def test_without_a_country_a_number_stays_national():
    """A firm that names no country gets the digits."""
    assert Firm().number("030 123") == "030123"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-14 18:02:11 -0400", "2025-03-14T18:02:11-04:00"),
        ("2025-03-14T18:02:11-04:00", "2025-03-14T18:02:11-04:00"),
        ("2025-03-14T18:02:11.123456789Z", "2025-03-14T18:02:11.123456Z"),
        ("2025-03-14T18:02:11.000+0000", "2025-03-14T18:02:11Z"),
        ("2025-03-14 18:02:11 UTC", "2025-03-14T18:02:11Z"),
        ("2025-03-14T18:02:11z", "2025-03-14T18:02:11Z"),
        ("2025-03-14 18:02", "2025-03-14T18:02:00+01:00"),
        ("2025-03-14", "2025-03-14T12:00:00+01:00"),
        ("2025-07-14", "2025-07-14T12:00:00+02:00"),
        ("2025-10-26 02:30:00", "2025-10-26T02:30:00+02:00"),
        ("2025-03-30 02:30:00", "2025-03-30T02:30:00+01:00"),
    ],
)
def test_times_are_read_in_the_zone_of_the_firm(text, expected):
    """A time without an offset is local, the first of two where an hour occurs twice; a date alone is noon."""
    read = times.rfc3339(text, VIENNA)
    assert read is not None
    assert datetime.fromisoformat(read) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "yesterday",
            "20250314",
            "2025-02-30",
            "2025-03-14T25:00:00Z",
            "1970-01-01T00:00:00Z",
            "0000-00-00 00:00:00",
        ),
        *(None, 12, True, [], "2025-03-14T10:00:00+99:00", "2025-W10-2", "2025-03-14T10:00:60Z", "x" * 10_000_000),
    ],
)
def test_what_is_no_time_is_none(value):
    """Nothing but ISO text after 1990 is a time."""
    assert times.rfc3339(value, UTC) is None


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("s", 1741083330, "2025-03-04T10:15:30Z"),
        ("s", "1741083330.5", "2025-03-04T10:15:30.5Z"),
        ("ms", "1741083330123", "2025-03-04T10:15:30.123Z"),
        ("us", 1741083330123456, "2025-03-04T10:15:30.123456Z"),
        ("ns", Number("1741083330123456789"), "2025-03-04T10:15:30.123456Z"),
        ("epoch", 1741083330, "2025-03-04T10:15:30Z"),
        ("epoch", 1741083330123456, "2025-03-04T10:15:30.123456Z"),
        ("days", 20151, "2025-03-04T12:00:00+01:00"),
        ("rfc2822", "Tue, 4 Mar 2025 11:15:30 +0100", "2025-03-04T10:15:30Z"),
        ("rfc2822", "Tue, 4 Mar 2025 10:15:30 -0000", "2025-03-04T10:15:30Z"),
        ("rfc2822", "Tue, 4 Mar 2025 11:15:30", "2025-03-04T10:15:30Z"),
        ("%d.%m.%Y", "4.3.2025", "2025-03-04T12:00:00+01:00"),
        ("%d.%m.%Y %H:%M", "04.03.2025 11:15", "2025-03-04T11:15:00+01:00"),
    ],
)
def test_units(unit, value, expected):
    """Each unit reads what it says."""
    read = times.reader(unit, VIENNA, ())(value)
    assert read is not None
    assert datetime.fromisoformat(read) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("unit", times.UNITS)
@pytest.mark.parametrize("value", [None, "", "x", True, [], {}, 1e300, "9" * 30, -1, "31.02.2025"])
def test_units_refuse_the_rest(unit, value):
    """What is no time in a unit is None, never an error."""
    assert times.reader(unit, VIENNA, ())(value) is None


@pytest.mark.parametrize(
    ("value", "german", "expected"),
    [
        ("1,000.00", False, 1000.0),
        ("12,345,678.90", False, 12345678.9),
        ("1,5", False, None),
        ("1.000,00", False, None),
        ("1.190,00", True, 1190.0),
        ("1190.00", True, None),
        ("-119,00", True, -119.0),
        ("1,00,000", False, None),
        ("12", False, 12.0),
        ("-3.5", False, -3.5),
        (".5", False, 0.5),
        ("1e3", False, None),
        (Number("1e3"), False, 1000.0),
        ("", False, None),
        ("-", False, None),
        ("€ 12", False, None),
        ("NaN", False, None),
        (float("nan"), False, None),
        (True, False, None),
        ("9" * 10_000_000, False, None),
        ("\u0663", False, None),
    ],
)
def test_numbers_are_read_as_the_tool_writes_them(value, german, expected):
    """Commas group thousands in English and points in German; anything else cannot be read."""
    assert amounts.number(value, german=german) == expected


@given(st.integers(-(10**14), 10**14), st.sampled_from([0, 2, 3]))
def test_minor_units_go_both_ways(minor, digits):
    """An amount in minor units comes back from units."""
    assert amounts.to_minor(amounts.to_units(minor, digits), digits) == minor


def test_salesforce_ids_are_compared_with_18_characters():
    """The three last characters say which of the others are capitals."""
    assert salesforce_id("0035g00000LMNoP") == "0035g00000LMNoPAAX"
    assert salesforce_id("0035g00000LMNoPAAX") == "0035g00000LMNoPAAX"
    assert salesforce_id("short") == "short"


def test_hashes_are_as_written_down():
    """The first 32 hex digits of SHA-256 over the parts, joined by a newline."""
    assert digest("a1@kiosk-one.example") == "41a0705ed922a1695e724d5553bf934a"


@pytest.mark.parametrize(
    ("test", "value", "expected"),
    [
        (machine.is_reply, "AUTOMATISCHE ANTWORT: Urlaub", True),
        (machine.is_reply, "Auto-Reply", True),
        (machine.is_reply, "autoreply: x", True),
        (machine.is_reply, "Out of office", True),
        (machine.is_reply, "Re\u0301ponse automatique : absente", True),
        (machine.is_reply, "Re: Automatic reply", False),
        (machine.is_reply, "Automatic replying", False),
        (machine.is_calendar, "Zugesagt: Termin", True),
        (machine.is_calendar, "Canceled: Termin", True),
        (machine.is_calendar, "Cancelled: Termin", True),
        (machine.is_calendar, "Accepted the offer", False),
        (machine.is_calendar, "Re: Accepted: Termin", False),
        (machine.is_sender, "No-Reply@a.example", True),
        (machine.is_sender, "donotreply@a.example", True),
        (machine.is_sender, "Mailer-Daemon@a.example", True),
        (machine.is_sender, "notification@a.example", True),
        (machine.is_sender, "noreply2@a.example", False),
        (machine.is_sender, "no.reply@a.example", False),
        (machine.is_sender, None, False),
    ],
)
def test_machine_mail(test, value, expected):
    """Machines are known by the beginning of the subject, or by the whole local part of the sender."""
    assert test(value) is expected


ORDER = {
    "id": 7,
    "processed_at": "2025-03-04T10:00:00Z",
    "total_price": "12.50",
    "currency": "EUR",
    "source_name": "web",
}


def test_the_firm_s_list_knows_addresses_and_nothing_else():
    """An address becomes the client of the list, with its account; an id of the tool never does."""
    known = event("shopify", {**ORDER, "email": "Anna@West-Laden.example", "company": {"id": 3}})
    assert (known["client_id"], known["account_id"]) == ("K-1", "A-1")
    boss = event("shopify", {**ORDER, "email": "boss@ost-laden.example", "company": {"id": 3}})
    assert (boss["client_id"], boss["account_id"]) == ("72", "3")
    by_id = event("shopify", {**ORDER, "email": "anna@west-laden.example", "customer": {"id": 5}})
    assert (by_id["client_id"], "account_id" in by_id) == ("5", False)


def test_our_own_address_is_no_client():
    """Own domains are exact: a subdomain is not implied."""
    assert reason("shopify", {**ORDER, "email": "me@sued-werk.example"}) == "internal"
    assert event("shopify", {**ORDER, "email": "me@x.sued-werk.example"})["client_id"] == "me@x.sued-werk.example"


def test_ids_can_be_hidden():
    """With a secret, client and account are hashed, also where the client is a part of the id of the event."""
    firm = replace(FIRM, secret=b"invented")
    one = event("shopify", {**ORDER, "customer": {"id": 5}, "company": {"id": 3}}, firm)
    assert one["client_id"] == firm.hidden("5") != "5"
    assert one["account_id"] == firm.hidden("3")
    assert one["event_id"] == "shopify:order:7:placed"
    call = {"id": "1", "properties": {"hs_call_status": "COMPLETED", "hs_timestamp": "2025-03-04T10:00:00Z"}}
    call["associations"] = {"contacts": {"results": [{"id": 9}]}}
    assert event("hubspot", call, firm)["event_id"] == f"hubspot:call:1:{firm.hidden('9')}"


@pytest.mark.parametrize(
    ("change", "absent"),
    [
        ({"total_price": "1,5"}, {"amount", "currency"}),
        ({"total_price": None}, {"amount", "currency"}),
        ({"currency": "EURO"}, {"currency"}),
        ({"source_name": "x" * 33}, {"channel"}),
        ({"company": {"id": "4.9E+11"}}, {"account_id"}),
    ],
)
def test_an_optional_value_costs_only_itself(change, absent):
    """What cannot be read is left out; the contact stays."""
    one = event("shopify", {**ORDER, "customer": {"id": 5}, **change})
    assert absent.isdisjoint(one)
    assert one["client_id"] == "5"


def test_a_negative_order_is_a_credit_note():
    """The firm writes it, whatever tool tells of it."""
    one = event("shopify", {**ORDER, "customer": {"id": 5}, "total_price": "-3.00"})
    assert (one["direction"], one["outcome"], one["amount"]) == ("outbound", "returned", -3.0)
    woo = {"id": 5, "date_created_gmt": "2025-03-04T10:00:00", "status": "completed", "total": "-2", "customer_id": 4}
    assert event("woocommerce", woo)["direction"] == "outbound"


def test_no_time_comes_before_no_client():
    """The first reason that applies, in their order, is the one that is given."""
    assert reason("shopify", {**ORDER, "processed_at": "soon"}) == "invalid"
    assert reason("shopify", {**ORDER, "id": 0}) == "invalid"
    assert reason("shopify", ORDER) == "no_client"
    assert reason("shopify", {**ORDER, "test": True, "processed_at": None}) == "test_mode"
    lonely = {"id": "1", "properties": {"hs_call_status": "COMPLETED", "hs_timestamp": "soon"}}
    assert reason("hubspot", lonely) == "invalid"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"null", "tombstone"),
        (b'{"key": 1, "value": null}', "tombstone"),
        (b"[1, 2]", "invalid"),
        (b'"text"', "invalid"),
        (b"12", "invalid"),
        (b"{", "invalid"),
        (b"\xff\xfe", "invalid"),
        (b"[" * 100_000, "invalid"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "invalid"),
        (b"{}", "not_contact"),
    ],
)
def test_what_is_no_record_is_dropped(raw, expected):
    """A record that is no object, no JSON or nested without end is dropped with a reason, never an error."""
    assert reason("shopify", raw) == expected


def test_large_ids_keep_their_digits():
    """Integers above 2^64 and decimals stay as they are written."""
    raw = b'{"id": 123456789012345678901234, "processed_at": "2025-03-04T10:00:00Z", "total_price": 1.50, '
    raw += b'"customer": {"id": 98765432109876543210987}}'
    one = event("shopify", raw)
    assert one["event_id"] == "shopify:order:123456789012345678901234:placed"
    assert one["client_id"] == "98765432109876543210987"
    assert one["amount"] == 1.5
    assert reason("shopify", raw.replace(b"98765432109876543210987", b"9.9e22")) == "no_client"


def test_half_an_emoji_in_a_text_does_not_cost_the_contact():
    """The quick parser refuses what tools that cut texts do write; the exact one reads it."""
    raw = b'{"id": 1, "processed_at": "2025-03-04T10:00:00Z", "customer": {"id": 2}, '
    raw += b'"note": "\\ud83d", "total_price": NaN}'
    assert "amount" not in event("shopify", raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted({*ORDER, "customer", "test"})), inner)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted({*ORDER, "customer", "email", "company", "cancelled_at"})), JSON))
def test_whatever_comes_in_the_contract_takes_what_goes_out(changes):
    """No record makes the mapper fail, and all that it gives is an interaction to the contract."""
    from tests.mapping.invented import result  # noqa: PLC0415

    found = result("shopify", {**ORDER, "customer": {"id": 1}, **changes})
    for one in found if isinstance(found, list) else []:
        INTERACTION.validate_python(one)


def test_a_record_maps_by_itself():
    """The same record gives the same interactions again, and is not changed."""
    record = {**ORDER, "customer": {"id": 5}}
    before = repr(record)
    assert events("shopify", record) == events("shopify", record)
    assert repr(record) == before
