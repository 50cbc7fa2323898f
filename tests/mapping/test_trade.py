"""Orders and payments: Shopify, Stripe, WooCommerce, Segment, Debezium, Airbyte, and a German list of documents."""

import base64

import pytest

from tests.mapping.invented import command, event, events, reason

HOOK = {"id": 31, "processed_at": "2025-05-01T10:00:00+02:00", "created_at": "2025-05-09T10:00:00+02:00", "test": False}
HOOK |= {"total_price": "20.00", "currency": "EUR", "presentment_currency": "USD", "source_name": "pos"}
HOOK |= {"customer": {"id": 90071992547409931}, "cancelled_at": None, "cancel_reason": None}


def hook(topic, body=None, **headers):
    """Return a webhook of Shopify."""
    return {
        "headers": {"x-shopify-topic": topic, "X-Shopify-Triggered-At": "2025-05-02T00:00:00Z", **headers},
        "body": body,
    }


def test_shopify_order_is_placed_when_it_was_processed():
    """An order counts once, by the id of its customer, in the currency of the shop."""
    one = event("shopify", hook("orders/create", HOOK))
    assert one == {
        "event_id": "shopify:order:31:placed",
        "client_id": "90071992547409931",
        "kind": "order",
        "at": "2025-05-01T10:00:00+02:00",
        "direction": "inbound",
        "outcome": "placed",
        "amount": 20.0,
        "currency": "EUR",
        "channel": "pos",
    }


@pytest.mark.parametrize(
    ("why", "direction"),
    [("customer", "inbound"), ("inventory", "outbound"), ("staff", "outbound"), ("fraud", "none"), (None, "none")],
)
def test_shopify_cancellation_says_who_cancelled(why, direction):
    """A cancellation is told alone by a webhook, without an amount; a poll tells the order too."""
    body = {**HOOK, "cancelled_at": "2025-05-03T10:00:00Z", "cancel_reason": why}
    one = event("shopify", hook("orders/cancelled", body))
    assert (one["event_id"], one["direction"], one["outcome"]) == ("shopify:order:31:cancelled", direction, "cancelled")
    assert "amount" not in one
    assert [two["direction"] for two in events("shopify", body)] == ["inbound", direction]


@pytest.mark.parametrize(
    ("topic", "body", "expected"),
    [
        ("orders/updated", HOOK, "edit"),
        ("orders/updated", {**HOOK, "test": True}, "test_mode"),
        ("products/update", {"id": 1, "test": True}, "not_contact"),
        ("refunds/create", {"id": 1, "order_id": 31}, "no_client"),
        ("customers/merge", {"status": "failed"}, "failed"),
        ("customers/merge", {"status": "in_progress"}, "not_yet"),
        ("customers/merge", {}, "not_yet"),
        ("orders/cancelled", HOOK, "invalid"),
        ("orders/create", {**HOOK, "id": None}, "invalid"),
    ],
)
def test_shopify_drops(topic, body, expected):
    """Everything else is dropped with the reason that comes first."""
    assert reason("shopify", hook(topic, body)) == expected


def test_shopify_commands():
    """Customers that were merged, and one to be erased, by the numbers at the end of their ids."""
    merge = {"admin_graphql_api_customer_kept_id": "gid://shopify/Customer/8", "status": "completed"}
    merge["admin_graphql_api_customer_deleted_id"] = "gid://shopify/Customer/9"
    assert command("shopify", hook("customers/merge", merge)) == {
        "type": "ghosting.client.merged.v1",
        "client_id": "8",
        "from": ["9"],
        "at": "2025-05-02T00:00:00+00:00",
        "by": "shopify",
    }
    assert command("shopify", hook("customers/redact", {"customer": {"id": 8}}))["client_id"] == "8"
    by_mail = {"customer": {"id": None, "email": "Anna@west-laden.example"}}
    assert command("shopify", hook("customers/redact", by_mail))["client_id"] == "K-1"


ROW = {
    "Lineitem name": "x",
    "Created at": "2025-05-01 10:00:00 +0200",
    "Id": "31",
    "Email": "a@b.example",
    "Total": "1,250.00",
}
ROW |= {"Currency": "eur", "Source": "web", "Cancelled at": "", "Financial Status": "voided"}


def test_shopify_export():
    """A row is an order, with its cancellation by nobody known; further lines of it are none."""
    assert event("shopify", ROW)["amount"] == 1250.0
    placed, cancelled = events("shopify", {**ROW, "Cancelled at": "2025-05-02 10:00:00 +0200"})
    assert (placed["outcome"], cancelled["outcome"], cancelled["direction"]) == ("placed", "cancelled", "none")
    assert len(events("shopify", {**ROW, "Cancelled at": "sometime"})) == 1
    assert reason("shopify", {**ROW, "Created at": " "}) == "continuation"
    assert reason("shopify", {**ROW, "Created at": "sometime"}) == "invalid"
    assert reason("shopify", {**ROW, "Id": "5.7E+12"}) == "invalid"
    assert reason("shopify", {**ROW, "Email": ""}) == "no_client"


CHARGE = {"id": "ch_7", "amount": 1999, "currency": "eur", "customer": "cus_7", "created": 1746093600, "livemode": True}
CHARGE |= {"captured": True, "description": None, "invoice": None, "amount_refunded": 0}
INVOICE = {
    "id": "in_7",
    "amount_paid": 1999,
    "currency": "eur",
    "customer": "cus_7",
    "collection_method": "charge_automatically",
}
INVOICE |= {"billing_reason": "subscription_cycle", "status_transitions": {"paid_at": 1746093600}, "due_date": None}


def stripe(kind, thing, **more):
    """Return an event of Stripe."""
    return {"id": "evt_1", "type": kind, "created": 1746180000, "livemode": True, "data": {"object": thing, **more}}


@pytest.mark.parametrize(
    ("currency", "minor", "amount"),
    [
        ("eur", 1999, 19.99),
        ("jpy", 1999, 1999),
        ("kwd", 1999, 1.999),
        ("isk", 1900, 19),
        ("ugx", 1900, 19),
        ("mga", 19, 19),
    ],
)
def test_stripe_minor_units(currency, minor, amount):
    """Amounts are in minor units by Stripe's own list."""
    one = event("stripe", stripe("charge.succeeded", {**CHARGE, "currency": currency, "amount": minor}))
    assert (one["amount"], one["currency"]) == (amount, currency.upper())


def without(thing, key):
    """Return a copy without a key."""
    return {name: value for name, value in thing.items() if name != key}


@pytest.mark.parametrize(
    ("kind", "thing", "expected"),
    [
        ("charge.succeeded", {**CHARGE, "invoice": "in_7"}, "counted_elsewhere"),
        ("charge.succeeded", {**without(CHARGE, "invoice"), "description": "Payment for Invoice"}, "counted_elsewhere"),
        (
            "charge.succeeded",
            {**without(CHARGE, "invoice"), "description": "Subscription creation"},
            "counted_elsewhere",
        ),
        ("payment_intent.succeeded", CHARGE, "counted_elsewhere"),
        ("invoice.payment_succeeded", INVOICE, "counted_elsewhere"),
        ("charge.failed", {**CHARGE, "invoice": "in_7"}, "failed"),
        ("charge.failed", {**CHARGE, "livemode": False}, "test_mode"),
        ("charge.succeeded", {**CHARGE, "captured": False}, "not_yet"),
        ("invoice.paid", {**INVOICE, "amount_paid": 0}, "nothing_paid"),
        ("customer.updated", {"id": "cus_7", "livemode": False}, "not_contact"),
        ("charge.succeeded", {**CHARGE, "customer": None}, "no_client"),
    ],
)
def test_stripe_drops(kind, thing, expected):
    """One payment is one event; what moved nothing is none."""
    assert reason("stripe", stripe(kind, thing)) == expected


def test_stripe_charge_with_an_invoice_that_is_null_counts():
    """Only where the key is absent does the description say that there is an invoice."""
    assert (
        event("stripe", stripe("charge.succeeded", {**CHARGE, "description": "Subscription update"}))["direction"]
        == "inbound"
    )
    absent = {**without(CHARGE, "invoice"), "description": "A lamp"}
    assert event("stripe", stripe("charge.succeeded", absent))["event_id"] == "stripe:ch_7:paid"


@pytest.mark.parametrize(
    ("changes", "direction", "automated"),
    [
        ({}, "none", True),
        ({"billing_reason": "subscription_create"}, "inbound", None),
        ({"collection_method": "send_invoice", "due_date": 1746000000}, "inbound", None),
    ],
)
def test_stripe_invoice_by_who_acted(changes, direction, automated):
    """A card that is charged every month is no sign of life."""
    one = event("stripe", stripe("invoice.paid", {**INVOICE, **changes}))
    assert (one["direction"], one.get("automated")) == (direction, automated)
    assert ("due_at" in one) is ("due_date" in changes)


def test_stripe_refund_is_the_difference():
    """The id holds the sum so far, the amount what went back now, at the time of the event."""
    refunded = stripe(
        "charge.refunded", {**CHARGE, "amount_refunded": 900}, previous_attributes={"amount_refunded": 400}
    )
    one = event("stripe", refunded)
    assert (one["event_id"], one["amount"], one["direction"]) == ("stripe:ch_7:refunded:900", -5.0, "outbound")
    assert one["at"] == "2025-05-02T10:00:00+00:00"


def test_stripe_clients():
    """Without a customer, the first address that there is."""
    thing = {**CHARGE, "customer": None, "billing_details": {"email": None}, "receipt_email": "Anna@west-laden.example"}
    assert event("stripe", stripe("charge.succeeded", thing))["client_id"] == "K-1"
    assert (
        event("stripe", stripe("invoice.paid", {**INVOICE, "customer": "", "customer_email": "x@y.example"}))[
            "client_id"
        ]
        == "x@y.example"
    )


PAID = {
    "id": "ch_8",
    "Created date (UTC)": "2025-05-01 08:00:00",
    "Amount": "1,200.50",
    "Currency": "eur",
    "Status": "Paid",
}
PAID |= {"Customer ID": "cus_8", "Mode": "Live", "Amount Refunded": "0.00"}


def test_stripe_export():
    """Times are UTC, amounts in units; a refund is a second interaction, whatever the status."""
    one = event("stripe", PAID)
    assert (one["at"], one["amount"]) == ("2025-05-01T08:00:00+00:00", 1200.5)
    refund = {"Refunded date (UTC)": "2025-05-02 08:00", "Amount Refunded": "1,200.50", "Status": "Refunded"}
    _, two = events("stripe", {**PAID, **refund})
    assert (two["event_id"], two["amount"]) == ("stripe:ch_8:refunded:120050", -1200.5)
    of_invoice = event("stripe", {**PAID, "Invoice ID": "in_8", "Description": "Subscription update"})
    assert (of_invoice["event_id"], of_invoice["direction"], of_invoice["automated"]) == (
        "stripe:in_8:paid",
        "none",
        True,
    )
    assert reason("stripe", {**PAID, "Status": "Failed"}) == "failed"
    assert reason("stripe", {**PAID, "Status": "Uncaptured"}) == "not_yet"
    assert reason("stripe", {**PAID, "Mode": "Test", "Status": "Failed"}) == "test_mode"


def test_stripe_short_export():
    """An export without mode and customer counts by the address."""
    short = {
        "id": "ch_9",
        "Created (UTC)": "2025-05-01 08:00:00",
        "Amount": "5.00",
        "Currency": "eur",
        "Status": "Paid",
    }
    one = event("stripe", {**short, "Customer Email": "Anna@West-Laden.example"})
    assert (one["client_id"], one["account_id"]) == ("K-1", "A-1")
    assert reason("stripe", {**short, "Customer Email": ""}) == "no_client"


WOO = {
    "id": 5,
    "date_created_gmt": "2025-05-01T08:00:00",
    "date_created": "2025-05-01T10:00:00",
    "status": "processing",
}
WOO |= {
    "total": "19.00",
    "currency": "EUR",
    "customer_id": 4,
    "created_via": "checkout",
    "billing": {"email": "a@b.example"},
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"outcome": "placed", "at": "2025-05-01T08:00:00+00:00", "client_id": "4", "channel": "checkout"}),
        ({"customer_id": 0}, {"client_id": "a@b.example"}),
        ({"status": "cancelled"}, {"outcome": "cancelled", "direction": "inbound", "amount": 19.0}),
        ({"status": "wc-refunded"}, {"outcome": "refunded"}),
        ({"status": "pending"}, {"outcome": "placed"}),
        ({"created_via": "subscription"}, {"direction": "none", "automated": True}),
    ],
)
def test_woocommerce(changes, expected):
    """The status becomes the outcome of the order; a renewal is a machine's."""
    one = event("woocommerce", {**WOO, **changes})
    assert expected.items() <= one.items()


@pytest.mark.parametrize(
    ("status", "expected"),
    [("trash", "deleted"), ("failed", "failed"), ("checkout-draft", "not_yet"), ("auto-draft", "not_yet")],
)
def test_woocommerce_drops(status, expected):
    """What is no order is dropped, of the API and of the export."""
    assert reason("woocommerce", {**WOO, "status": status}) == expected
    export = {"order_id": "5", "order_date": "2025-05-01 08:00:00", "order_total": "3", "status": f"wc-{status}"}
    assert reason("woocommerce", export) == expected


def test_woocommerce_export_is_local():
    """The export writes local time, and no channel."""
    export = {"order_id": "5", "order_date": "2025-05-01 08:00:00", "order_total": "3", "order_currency": "EUR"}
    one = event("woocommerce", {**export, "customer_id": "0", "customer_email": "X@y.example", "status": "completed"})
    assert (one["at"], one["client_id"], "channel" in one) == ("2025-05-01T08:00:00+02:00", "x@y.example", False)


def track(name, **more):
    """Return a call of Segment."""
    properties = {"order_id": "o-1", "total": "9.50", "currency": "eur", **more.pop("properties", {})}
    call = {"type": "track", "event": name, "messageId": "m-1", "userId": "u", "timestamp": "2025-05-01T08:00:00Z"}
    return {**call, "properties": properties, **more}


def test_segment():
    """Orders are known by their own id and compared without case; an alias is a merge."""
    assert event("segment", track("ORDER completed"))["event_id"] == "segment:order:o-1:placed"
    without_id = event("segment", track("Order Completed", properties={"order_id": "", "total": None, "revenue": 7}))
    assert (without_id["event_id"], without_id["amount"]) == ("segment:m-1", 7.0)
    refund = event("segment", track("Order Refunded"))
    assert (refund["amount"], refund["direction"], refund["outcome"]) == (-9.5, "outbound", "refunded")
    assert "amount" not in event("segment", track("Order Cancelled"))
    alias = {"type": "alias", "messageId": "m", "previousId": "a", "userId": "b", "timestamp": "2025-05-01T08:00:00Z"}
    assert command("segment", alias)["from"] == ["a"]
    assert reason("segment", {**alias, "userId": "a"}) == "not_contact"
    assert reason("segment", track("Order Completed", userId=None, anonymousId="x")) == "no_client"
    assert reason("segment", track("Cart Viewed")) == "not_contact"


def change(op="c", table="auftrag", **after):
    """Return a change of Debezium."""
    row = {"id": 3, "customer_id": 44, "placed_at": "2025-05-01T08:00:00Z", "total": "9.00", "currency": "EUR", **after}
    return {"op": op, "ts_ms": 1, "source": {"name": "erp", "schema": "public", "table": table}, "after": row}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (change("u"), "edit"),
        (change("d"), "deleted"),
        (change("t"), "not_contact"),
        (change("m"), "not_contact"),
        (change("u", "other"), "not_contact"),
        ({"key": {"id": 3}, "value": None}, "tombstone"),
        ({"key": {"id": 3}, "value": {"schema": {}, "payload": None}}, "tombstone"),
        (change(id=None), "invalid"),
        (change(placed_at=None), "invalid"),
        (change(customer_id=None), "no_client"),
    ],
)
def test_debezium_drops(record, expected):
    """Only new rows of the one table are orders."""
    assert reason("debezium", record) == expected


def test_debezium_with_schemas():
    """The schema says how a column is written: microseconds, and a decimal in base64 with its scale."""
    fields = [
        {"field": "placed_at", "type": "int64", "name": "io.debezium.time.MicroTimestamp"},
        {"field": "total", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}},
    ]
    total = base64.b64encode((-1234).to_bytes(2, "big", signed=True)).decode()
    record = change("r", placed_at=1746086400123456, total=total)
    one = event(
        "debezium",
        {"key": {}, "value": {"schema": {"fields": [{"field": "after", "fields": fields}]}, "payload": record}},
    )
    assert one["event_id"] == "debezium:erp.public.auftrag:3"
    assert one["at"] == "2025-05-01T08:00:00.123456+00:00"
    assert (one["amount"], one["outcome"]) == (-12.34, "returned")
    for broken in ("?", "", "A" * 400):
        payload = change(total=broken, placed_at=1746086400123456)
        schema = {"schema": {"fields": [{"field": "after", "fields": fields}]}, "payload": payload}
        assert "amount" not in event("debezium", schema)


def test_debezium_without_schemas_sees_the_unit():
    """A number is seconds, milliseconds, microseconds or nanoseconds by its size; base64 cannot be read."""
    one = event("debezium", change(placed_at=1746086400123, total="AfQ="))
    assert (one["at"], "amount" in one) == ("2025-05-01T08:00:00.123000+00:00", False)


def test_airbyte_applies_the_preset_of_the_stream():
    """The envelope is opened, and flat properties are nested again."""

    def streamed(stream, data):
        return {"key": "k", "value": {"_airbyte_stream": stream, "_airbyte_data": data, "_airbyte_emitted_at": 1}}

    assert event("airbyte", streamed("orders", HOOK))["event_id"] == "shopify:order:31:placed"
    mail = {"id": "5", "contacts": [7], "companies": ["8", "8"], "properties_hs_timestamp": "2025-05-01T08:00:00Z"}
    one = event("airbyte", streamed("engagements_emails", {**mail, "properties_hs_email_direction": "EMAIL"}))
    assert (one["event_id"], one["account_id"], one["direction"]) == ("hubspot:email:5:7", "8", "outbound")
    meeting = {"id": "6", "contacts": ["7"], "properties": {"hs_meeting_start_time": "2025-05-01T08:00:00Z"}}
    assert reason("airbyte", streamed("engagements_meetings", meeting)) == "not_yet"
    merged = {"canonical-vid": 2, "vid-to-merge": 5608, "timestamp": 1653322839932}
    assert command("airbyte", streamed("contacts_merged_audit", merged))["by"] == "hubspot"
    assert reason("airbyte", streamed("products", {"id": 1})) == "not_contact"


BELEG = {"Belegtyp": "Rechnung", "Belegnummer": "R-1", "Belegdatum": "1.5.2025", "Kundenkontonummer": "007"}
BELEG |= {"Bruttobetrag": "1.190,00", "Währung": "€", "Zahlungsstatus": "Offen", "Fälligkeitsdatum": "15.05.2025"}


def test_erp_german():
    """An invoice is the trace of an order, and its payment a second interaction; a credit note is the firm's."""
    one = event("erp_german", BELEG)
    assert (one["client_id"], one["amount"], one["currency"]) == ("007", 1190.0, "EUR")
    assert one["at"] == "2025-05-01T12:00:00+02:00"
    _, paid = events("erp_german", {**BELEG, "Zahlungsdatum": "20.05.2025", "Zahlungsstatus": "Bezahlt"})
    assert (paid["event_id"], paid["amount"], paid["due_at"]) == ("erp:R-1:paid", 1190.0, "2025-05-15T12:00:00+02:00")
    _, part = events("erp_german", {**BELEG, "Zahlungsdatum": "20.05.2025", "Zahlungsstatus": "Teilbezahlt"})
    assert "amount" not in part
    for changes in ({"Bruttobetrag": "-5,00"}, {"Belegtyp": "Gutschrift", "Bruttobetrag": "5,00"}):
        returned = event("erp_german", {**BELEG, **changes, "Zahlungsdatum": "20.05.2025"})
        assert (returned["direction"], returned["outcome"], returned["amount"]) == ("outbound", "returned", -5.0)
    cancelled = event("erp_german", {**BELEG, "Belegtyp": "Stornorechnung"})
    assert (cancelled["direction"], cancelled["outcome"], cancelled["amount"]) == ("none", "cancelled", -1190.0)
    assert reason("erp_german", {**BELEG, "Belegtyp": "Angebot"}) == "not_contact"
    assert reason("erp_german", {**BELEG, "Belegdatum": "31.02.2025"}) == "invalid"
    assert reason("erp_german", {**BELEG, "Kundenkontonummer": "4,91512E+11"}) == "no_client"
