"""Each recorded exchange, used three times: our request, our reading, the emulator's answer.

Intuit's own samples are read here as well; `test_fixtures_documented.py` has the rest of them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import httpx
import pytest

from dunahub_qbo_plugin import advice
from dunahub_qbo_plugin.advice import answers
from dunahub_qbo_plugin.emulator import SEEDS, Emulator, World
from dunahub_qbo_plugin.errors import QboError
from dunahub_qbo_plugin.model import Kind, Written
from dunahub_qbo_plugin.qbo.fault_table import TABLE, row_of
from dunahub_qbo_plugin.testing import scrub
from dunahub_qbo_plugin.testing.clock import SteeredClock
from dunahub_qbo_plugin.testing.exchanges import Exchange, load, pretty, save
from dunahub_qbo_plugin.testing.isolation import Apart
from dunahub_qbo_plugin.testing.recorder import (
    START,
    Bench,
    profile_from,
    record_emulator,
    record_sandbox,
    staged_emulator,
)
from dunahub_qbo_plugin.testing.scenes import Stage, perform

EXCHANGES = load()
RESULTS = {name: one.response["body"] for name, one in EXCHANGES.items()}
PROFILE = profile_from(RESULTS)
STAGE = Stage(exchanges=EXCHANGES, results=RESULTS, profile=PROFILE)
DOCUMENTED = [name for name, one in EXCHANGES.items() if one.source.get("kind") == "documented"]
EVERY = pytest.mark.parametrize("name", EXCHANGES)
RECORDED = pytest.mark.parametrize("name", [name for name in EXCHANGES if name not in DOCUMENTED])


def played(exchange: Exchange) -> tuple[Bench, Any]:
    """Let the client do what a file says, answered from the file; gives what it made of it."""

    def answer(_: httpx.Request) -> httpx.Response:
        headers = dict(exchange.response["headers"])
        return httpx.Response(
            exchange.response["status"], headers=headers, content=exchange.answer_body
        )

    bench = Bench.make(
        answer,
        api_url="https://quickbooks.example",
        realm="4620000000000001",
        token="canary-token-of-the-test",
        clock=SteeredClock(START),
    )
    try:
        return bench, perform(exchange, STAGE, bench.client, bench.grant)
    except QboError as error:
        return bench, error


@RECORDED
def test_the_client_produces_the_request(name: str) -> None:
    """From the same lead, invoice or payment the client asks what was recorded, to the letter."""
    exchange = EXCHANGES[name]
    asked, _ = played(exchange)[0].seen()
    assert pretty(asked) == pretty(exchange.request)


@EVERY
def test_the_client_understands_the_answer(name: str) -> None:
    """Of a good answer it keeps Id, SyncToken, total and number; of a refusal, what follows."""
    exchange = EXCHANGES[name]
    _, understood = played(exchange)
    if exchange.means:
        assert isinstance(understood, QboError)
        row = row_of(understood.info)
        told = {"error": type(understood).__name__, "row": row.name, "who": row.who.value}
        assert told == exchange.means
        kind = Kind(exchange.given["record"]["kind"])
        told_people = advice.advise(kind, understood.info)
        assert told_people.title
        assert told_people.action
        assert understood.info.intuit_tid == exchange.response["headers"].get("intuit_tid", "")
    elif "record" in exchange.given:
        assert isinstance(understood, Written)
        entity = exchange.response["body"][exchange.given["record"]["kind"].capitalize()]
        assert understood.remote.id == entity["Id"]
        assert understood.remote.sync_token == entity["SyncToken"]
        assert understood.number == entity.get("DocNumber", "")
        assert understood.total == entity.get("TotalAmt")
        assert isinstance(understood.total, Decimal | int | None)
    else:
        rows = str(understood)
        assert all(f"'{found}'" in rows for found in ids_in(exchange.response["body"]))


def ids_in(body: Any) -> list[str]:  # noqa: ANN401  JSON
    """Return the Ids of the objects that an answer holds."""
    if isinstance(body, list):
        return [found for item in body for found in ids_in(item)]
    if not isinstance(body, dict):
        return []
    own = [str(body["Id"])] if "SyncToken" in body else []
    return own + [found for item in body.values() for found in ids_in(item)]


@RECORDED
def test_the_emulator_answers_alike(name: str) -> None:
    """Given the recorded request, the emulator gives the recorded answer again."""
    exchange = EXCHANGES[name]
    bench, _, emulator = staged_emulator(exchange, EXCHANGES, PROFILE)
    asked = exchange.request
    token = bench.grant.access_token.reveal()
    with emulator.client() as http:
        answer = http.request(
            asked["method"],
            asked["path"].replace("{realm}", bench.grant.realm_id.reveal()),
            params={**asked["query"]},
            headers={**asked["headers"], "Authorization": f"Bearer {token}"},
            content=attrs.evolve(exchange, response={"body": asked["body"]}).answer_body,
        )
    hide = {"token": token, "realm": bench.grant.realm_id.reveal()}
    given = Bench.seen(replayed(bench, answer))[1]
    assert given["status"] == exchange.response["status"]
    assert scrub.scrub(given["body"], **hide) == exchange.response["body"]


def replayed(bench: Bench, answer: httpx.Response) -> Bench:
    """Put an answer where the tap keeps the last one."""
    bench.tap.request, bench.tap.response = answer.request, answer
    return bench


def test_every_file_says_where_it_is_from() -> None:
    """A recording names its date and what answered; a documented exchange names its page."""
    for name, one in EXCHANGES.items():
        assert one.title, name
        if one.source["kind"] == "recorded":
            assert set(one.source) >= {"against", "date"}, name
            assert one.source["against"] in {"emulator", "sandbox"}, name
        else:
            assert one.source["kind"] == "documented", name
            assert one.source["page"], name


@EVERY
def test_no_file_holds_a_secret(name: str) -> None:
    """There is no token, no real-looking address and no realm id in a file (rule 11)."""
    values = attrs.asdict(EXCHANGES[name], recurse=False)
    assert list(scrub.findings(values)) == []
    assert set(EXCHANGES[name].request["headers"]) <= {"accept", "content-type"}


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        ("eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0.abc", "a token"),
        ("AB11596912345abcdefGHIJ", "a token"),
        ("RT1-39-H3-abcdefghijkl", "a token"),
        ("9341454838118701", "a number as long as a realm id"),
        (9341454838118701, "a number as long as a realm id"),
        ("john.miller@gmail.com", "an e-mail address"),
        ("call (415) 867-5309", "a telephone number"),
        ("2500 Garcia Avenue", "a street"),
    ],
)
def test_what_must_not_be_there_is_found(planted: Any, named: str) -> None:  # noqa: ANN401  a text or a number
    """The check above finds what it looks for, and recording takes out what it can."""
    assert any(named in found for found in scrub.findings({"a": [{"b": planted}]}))
    if named != "a street" and isinstance(planted, str):
        assert list(scrub.findings(scrub.scrub({"a": [{"b": planted}]}))) == []


def test_a_companys_address_is_made_up() -> None:
    """Where a company lives is recorded of no real one."""
    addressed = {"CompanyAddr": {"Id": "1", "Line1": "2500 Garcia Avenue", "City": "Palo Alto"}}
    clean = scrub.scrub(addressed)["CompanyAddr"]
    assert clean == {"Id": "1", "Line1": "1 Example St", "City": "Example"}


def test_the_whole_life_is_covered() -> None:
    """Each kind is created, changed, read and looked for, and was changed or gone meanwhile.

    Invoices are voided as well. QuickBooks deletes no customer: it makes them inactive.
    """
    for entity in ("customer", "invoice", "payment"):
        cases = ("create", "update", "stale", "read", "look-up")
        assert {f"{entity}/{case}" for case in cases} <= set(EXCHANGES)
    for entity in ("invoice", "payment"):
        for case in ("deleted", "read-deleted"):
            assert EXCHANGES[f"{entity}/{case}"].response["status"] == 400
    assert {"invoice/void", "customer/inactive"} <= set(EXCHANGES)


def test_every_fault_with_its_own_advice_is_covered() -> None:
    """For each row of the table of faults there is an exchange that leads there."""
    covered = {one.means["row"] for one in EXCHANGES.values() if one.means}
    assert [row.name for row in TABLE if row.name not in covered] == []


WITHOUT_AN_ANSWER = {
    "unreachable": "no connection was made",
    "internal": "the plugin's own mistake",
    "not-carried-out": "QuickBooks was asked, and has not got it",
    "configuration": "the operator's settings",
    "ambiguous": "several answers of a look-up agree in part",
    "unwritable": "found before anything is sent",
    "voided-there": "an object that was read turns out to be voided",
    "both-changed": "an object that was read turns out to be changed there, too",
    "parent-unknown": "the host never told of the invoice",
    "name-taken-customer": "name-taken, once a look-up has told who holds the name",
    "name-taken-inactive": "as name-taken-customer",
    "parent-withheld": "what the record stands on is not sent, by a person's decision",
    "customer-withheld": "as parent-withheld",
    "item-gone": "reference-gone, once the line's item is known to be it",
    "reads-rest": "the throttle's answer, to a read",
    "reads-used-up": "the throttle's answer again, while writes pass",
    "home-currency": "what the company's preferences say",
}
"""Advice that follows from no single answer of QuickBooks, and why."""


def test_every_advice_has_an_answer_that_leads_to_it() -> None:
    """Whatever people are told of an answer, there is an exchange for it; the rest is named."""
    led_to = set()
    for one in EXCHANGES.values():
        if one.means:
            _, error = played(one)
            kind = Kind(one.given["record"]["kind"])
            cause = row_of(error.info).cause
            led_to.add(answers.cause_of(kind, cause, error.info))
    assert led_to | set(WITHOUT_AN_ANSWER) == set(answers.ANSWERS)
    assert not led_to & set(WITHOUT_AN_ANSWER)


def test_one_alone_is_recorded_as_among_all() -> None:
    """Whichever are recorded together, each file is the same, with the moment that it tells."""
    (alone,) = record_emulator(EXCHANGES, today=START.date(), only=["payment/stale"])
    assert alone.response == EXCHANGES["payment/stale"].response


def test_a_company_that_remembers_is_recorded_alike() -> None:
    """In one and the same company, twice, each exchange comes out as in a world of its own.

    Names, numbers and request ids are taken there once; nothing of what tells them apart is kept.
    """
    clock = SteeredClock(START)
    emulator = Emulator(World.default(clock=clock.now))
    for _ in range(2):
        bench = Bench.make(
            Apart(emulator.transport().handle_request),
            api_url=emulator.base_url,
            realm=SEEDS["contractor"][0],
            token=emulator.world.connect(realm=SEEDS["contractor"][0]).access_token,
            clock=clock,
        )
        made = list(record_sandbox(EXCHANGES, bench, against="sandbox", today=START.date()))
        assert len(made) > 20
        for one in made:
            kept = EXCHANGES[one.name]
            assert one.response["status"] == kept.response["status"], one.name
            assert one.means == kept.means, one.name
            assert one.request["query"] == kept.request["query"], one.name
            assert list(scrub.findings(attrs.asdict(one, recurse=False))) == []
        (created,) = (one for one in made if one.name == "customer/create")
        assert created.request == EXCHANGES["customer/create"].request
        assert created.response["body"]["Customer"]["DisplayName"] == "Sarah Mitchell"
        clock.advance(40 * 24 * 3600)  # by then QuickBooks has forgotten the request ids


def test_recording_again_changes_nothing_but_the_day(tmp_path: Any) -> None:  # noqa: ANN401  a Path
    """What the emulator is recorded as today is what the files say: they are not out of date."""
    day = START.date()
    payments = (name for name in EXCHANGES if name.startswith("payment/"))
    some = {name: EXCHANGES[name] for name in payments if name not in DOCUMENTED}
    for again in record_emulator(EXCHANGES, today=day, only=some):
        save(again, tmp_path)
    kept = load(tmp_path)
    assert set(kept) == set(some)
    for name, one in kept.items():
        assert (one.request, one.response, one.means) == (
            some[name].request,
            some[name].response,
            some[name].means,
        )
