"""The table of faults, row by row, in each shape in which QuickBooks answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import attrs
import pytest

from dunahub_qbo_plugin import errors
from dunahub_qbo_plugin.qbo import envelope, faults
from dunahub_qbo_plugin.qbo.answer import Answer
from dunahub_qbo_plugin.qbo.fault_table import TABLE

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TID = "1-5f733be9-aa"


@attrs.frozen(kw_only=True)
class Case:
    """One refusal and what must come of it."""

    row: str
    status: int
    code: str
    message: str = "A message"
    detail: str = "A detail"
    error: type[errors.QboError]
    busy: tuple[bool, bool | None] | None = None
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.row} {self.status} {self.code}"


THROTTLED = (True, False)
NOT_DONE = (False, False)
MAYBE = (False, None)
BV = "A business validation error has occurred while processing your request"
IN_USE = (
    "Duplicate Document Number Error : You must specify a different number. This number has "
    "already been used. DocNumber=X is assigned to TxnType=Invoice with TxnId=17984"
)

CASES = [
    Case(
        row="too many requests",
        status=429,
        code="3001",
        message="message=ThrottleExceeded; errorCode=003001; statusCode=429",
        error=errors.Busy,
        busy=THROTTLED,
    ),
    Case(
        row="throttled in words",
        status=403,
        code="3001",
        message="message=ThrottleExceeded; errorCode=003001; statusCode=403",
        error=errors.Busy,
        busy=THROTTLED,
    ),
    Case(
        row="throttled in words", status=400, code="003001", error=errors.Busy, busy=THROTTLED
    ),
    *(
        Case(row="server error", status=status, code=code, error=errors.Busy, busy=MAYBE)
        for status, code in [(500, "10000"), (500, "4002"), (502, "0"), (503, "6240")]
    ),
    *(
        Case(row="server error", status=504, code=code, error=errors.Busy, busy=MAYBE)
        for code in ("6002", "5010")
    ),
    Case(row="request time-out", status=408, code="0", error=errors.Busy, busy=MAYBE),
    Case(row="redirected", status=302, code="0", error=errors.Unreachable),
    Case(
        row="user lost access",
        status=401,
        code="120",
        detail="-11014-You do not have access to the company",
        error=errors.Forbidden,
    ),
    Case(
        row="wrong cluster",
        status=401,
        code="130",
        message="Accessing Wrong Cluster",
        detail="WrongClusterError: -11017-You have accessed the wrong server.",
        error=errors.Busy,
        busy=THROTTLED,
    ),
    Case(row="company locked", status=401, code="140", error=errors.Busy, busy=THROTTLED),
    Case(
        row="company under maintenance",
        status=401,
        code="150",
        error=errors.Busy,
        busy=THROTTLED,
    ),
    *(
        Case(row="authentication failed", status=401, code=code, error=errors.Unauthorized)
        for code in ("3200", "003200", "100", "110", "0")
    ),
    Case(
        row="authentication failed in words", status=200, code="3200", error=errors.Unauthorized
    ),
    Case(row="not allowed", status=403, code="3100", error=errors.Forbidden),
    Case(row="not allowed in words", status=200, code="3100", error=errors.Forbidden),
    Case(row="subscription ended", status=400, code="6190", error=errors.Refused),
    Case(row="subscription ended", status=200, code="6190", error=errors.Refused),
    Case(row="system failure", status=200, code="10000", error=errors.Busy, busy=MAYBE),
    Case(row="system failure", status=400, code="10000", error=errors.Busy, busy=MAYBE),
    Case(
        row="QuickBooks' own failure",
        status=400,
        code="6000",
        message=BV,
        detail="Business Validation Error: An unexpected error occurred while accessing or saving "
        "your data. Please wait a few minutes and try again.",
        error=errors.Busy,
        busy=MAYBE,
    ),
    Case(
        row="QuickBooks' own failure",
        status=400,
        code="6000",
        message=BV,
        detail="Business Validation Error: Unexpected Internal Error. (-30000)",
        error=errors.Busy,
        busy=MAYBE,
    ),
    Case(
        row="QuickBooks' own failure",
        status=400,
        code="6000",
        message=BV,
        detail="Business Validation Error: Unexpected Internal Error. (-30003)",
        error=errors.Busy,
        busy=MAYBE,
    ),
    Case(
        row="nothing answers there",
        status=400,
        code="500",
        message="Unsupported Operation",
        detail="Could not find resource for relative : /v3/company/1/invoice of full path: x",
        error=errors.Busy,
        busy=NOT_DONE,
    ),
    Case(
        row="one name at a time",
        status=400,
        code="6000",
        message=BV,
        detail="Business Validation Error: You can only add or edit one name at a time.",
        error=errors.Busy,
        busy=NOT_DONE,
    ),
    Case(
        row="inactive object",
        status=400,
        code="6000",
        message=BV,
        detail="Business Validation Error: You cannot modify a list element that has been deleted.",
        error=errors.BadReference,
    ),
    Case(row="stale object", status=400, code="5010", error=errors.Stale),
    Case(
        row="duplicate name",
        status=400,
        code="6240",
        message="Nom en double",
        detail="Ce nom existe déjà. : Id=425",
        error=errors.DuplicateName,
        subject="425",
    ),
    Case(
        row="duplicate name",
        status=400,
        code="6240",
        detail="The name supplied already exists. : null",
        error=errors.DuplicateName,
    ),
    Case(
        row="duplicate number",
        status=400,
        code="6140",
        detail=IN_USE,
        error=errors.DuplicateNumber,
        subject="17984",
    ),
    Case(row="duplicate request", status=400, code="600", error=errors.DuplicateRequest),
    Case(row="dead reference", status=400, code="610", error=errors.BadReference),
    Case(
        row="dead reference",
        status=400,
        code="2500",
        detail="Invalid Reference Id : Names element id 75 not found",
        error=errors.BadReference,
        subject="Names element id 75",
    ),
    Case(row="unreadable answer", status=200, code="", error=errors.Unreachable),
    *(
        Case(row=row, status=400, code=code, error=errors.BadReference)
        for row, code in [
            ("dead customer", "6250"), ("dead customer", "6310"), ("dead transaction", "620"),
        ]
    ),
    Case(
        row="no longer available",
        status=400,
        code="6000",
        message=BV,
        detail="Business Validation Error: Something this action required is no longer available. "
        "Another user may have deleted it.",
        error=errors.BadReference,
    ),
    Case(
        row="closed books in words",
        status=400,
        code="6000",
        message=BV,
        detail="Business Validation Error: The transaction date is prior to the closing date.",
        error=errors.Refused,
    ),
    *(
        Case(row=row, status=status, code=code, error=errors.Refused)
        for row, status, code in [
            ("any other refusal", 400, "6000"), ("any other refusal", 404, "0"),
            ("any other refusal", 413, "0"), ("any other refusal", 400, "9999"),
            ("our mistake", 400, "2010"), ("our mistake", 400, "2020"), ("our mistake", 400, "500"),
            ("our mistake", 200, "6041"), ("too long", 400, "2050"), ("characters", 400, "2040"),
            ("e-mail", 400, "2210"), ("incomplete", 400, "6080"), ("amount", 400, "2140"),
            ("amount of a line", 400, "6070"), ("date", 400, "2060"),
            ("closed books", 400, "6210"), ("deposited", 400, "6540"), ("sales tax", 400, "6100"),
            ("tied", 400, "5030"),
        ]
    ),
]  # fmt: skip


def upper(case: Case) -> bytes:
    """The application's own envelope."""
    error = {"Message": case.message, "Detail": case.detail, "code": case.code, "element": ""}
    return json.dumps(
        {"Fault": {"Error": [error], "type": "ValidationFault"}, "time": "t"}
    ).encode()


def lower(case: Case) -> bytes:
    """The gateway's envelope."""
    error = {"message": case.message, "detail": case.detail, "code": case.code, "element": None}
    bean = {"warnings": None, "fault": {"error": [error], "type": "SERVICE"}, "time": 1601391072830}
    return json.dumps(bean).encode()


def xml(case: Case) -> bytes:
    """The envelope of those parts of QuickBooks that do not mind what was asked for."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        '<IntuitResponse xmlns="http://schema.intuit.com/finance/v3" time="t"><Fault type="F">'
        f'<Error code="{case.code}" element=""><Message>{escape(case.message)}</Message>'
        f"<Detail>{escape(case.detail)}</Detail></Error></Fault></IntuitResponse>"
    ).encode()


def answer(status: int, body: bytes, **headers: str) -> Answer:
    """An answer with these headers, underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers={"intuit_tid": TID, **named}, body=body)


def refusal(given: Answer, **options: Any) -> errors.QboError:  # noqa: ANN401  as examine takes
    """The error that comes of an answer."""
    verdict = faults.examine(given, now=NOW, **options)
    assert isinstance(verdict, errors.QboError)
    return verdict


@pytest.mark.parametrize("shape", [upper, lower, xml], ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_row_in_each_shape(case: Case, shape: Any) -> None:  # noqa: ANN401  a function
    """Each refusal becomes its error with code, text and intuit_tid, whatever its shape."""
    body = shape(case)
    row, _ = faults.decide(case.status, envelope.read(body).errors)
    assert row.name == case.row
    error = refusal(answer(case.status, body))
    assert type(error) is case.error
    if case.busy is not None:
        assert isinstance(error, errors.Busy)
        assert (error.throttled, False if error.refuses else None) == case.busy
    assert error.info.status == case.status
    nameless = "unreadable" if case.status == 200 else f"http-{case.status}"
    assert error.info.code == (case.code.lstrip("0") or nameless)
    assert error.info.subject == case.subject
    assert error.info.intuit_tid == TID
    assert " ".join(case.detail.split())[:100] in error.info.text


def test_every_row_has_a_case() -> None:
    """No row of the table is without a case above, and no case without a row."""
    assert {case.row for case in CASES} | {"no fault"} == {row.name for row in TABLE}


def test_the_last_row_takes_everything() -> None:
    """An error that no other row knows is a definite refusal."""
    assert TABLE[-1].fits(418, envelope.FaultError())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><head><title>503 Service Unavailable</title></head><body>x</body></html>",
        b"<!DOCTYPE html><p>Down for <b>maintenance</b>",
        b"stream timeout",
        b'{"Fault":{"Error":[{"code":"62',
        b"[]",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
    ],
)
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, errors.Unreachable),
        (201, errors.Unreachable),
        (301, errors.Unreachable),
        (400, errors.Unreachable),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.Unreachable),
        (429, errors.Busy),
        (502, errors.Busy),
        (503, errors.Busy),
        (504, errors.Busy),
    ],
)
def test_status_decides_where_the_body_says_nothing(
    status: int, error: type[errors.QboError], body: bytes
) -> None:
    """Pages, texts, cut and empty bodies are judged by status; a 200 without JSON is lost."""
    given = refusal(answer(status, body))
    assert type(given) is error
    if isinstance(given, errors.Unreachable):
        assert given.sent


def test_a_page_shows_its_title_and_no_tags() -> None:
    """Of an HTML page the title is kept, or else its words."""
    page = b"<html><style>p{}</style><title> 503 <b>Down</b> </title><p>long story</html>"
    assert refusal(answer(503, page)).info.text == "503 Down"
    page = b"<html><script>alert(1)</script><p>We will be <i>back</i></html>"
    assert refusal(answer(503, page)).info.text == "We will be back"


def test_throttling_is_recognized_in_a_page() -> None:
    """A proxy's page around a throttled answer counts as throttled, whatever its status."""
    given = refusal(answer(403, b"<p>message=ThrottleExceeded; errorCode=003001</p>"))
    assert isinstance(given, errors.Busy)
    assert given.throttled


def test_a_good_answer_is_its_payload() -> None:
    """A 200 with a JSON object without a fault is no error, nor is a null fault."""
    body = b'{"fault":null,"Invoice":{"Id":"1","TotalAmt":100.00}}'
    verdict = faults.examine(answer(200, body), now=NOW)
    assert isinstance(verdict, dict)
    assert str(verdict["Invoice"]["TotalAmt"]) == "100.00"


def test_a_fault_inside_a_list_counts_but_not_inside_a_batch() -> None:
    """Items of uploads and changes can hold the fault of a 200; a batch's items stand alone."""
    fault = {"Fault": {"Error": [{"Message": "m", "code": "6041"}]}}
    for name in ("AttachableResponse", "CDCResponse"):
        given = refusal(answer(200, json.dumps({name: [fault]}).encode()))
        assert given.info.code == "6041"
    batch = answer(200, json.dumps({"BatchItemResponse": [fault]}).encode())
    assert isinstance(faults.examine(batch, now=NOW), dict)


def test_of_several_errors_the_one_for_a_person_counts() -> None:
    """A stale token beside closed books is a refusal: trying again would not help."""
    several = [{"Message": "m", "code": "5010"}, {"Message": "m", "code": "6210"}]
    given = refusal(answer(400, json.dumps({"Fault": {"Error": several}}).encode()))
    assert type(given) is errors.Refused
    assert given.info.code == "6210"


@pytest.mark.parametrize(
    "fault",
    [
        {"Error": None},
        {"Error": "text"},
        {"Error": [None, 5]},
        {"Error": [{"code": None, "Message": {"a": 1}, "Detail": []}]},
        {"Error": [{"code": 2050}]},
        {"type": "SystemFault"},
    ],
)
def test_a_malformed_fault_is_still_a_refusal(fault: dict[str, Any]) -> None:
    """Whatever stands in a fault, a 400 is a refusal and nothing else is raised."""
    given = refusal(answer(400, json.dumps({"Fault": fault}).encode()))
    assert type(given) is errors.Refused


def test_xml_entities_are_not_expanded() -> None:
    """A document type is refused before any entity counts: no file is read, nothing grows."""
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;">'
        '<!ENTITY f SYSTEM "file:///etc/passwd">]>'
        '<IntuitResponse><Fault><Error code="6240"><Message>&b;&f;</Message></Error></Fault>'
        "</IntuitResponse>"
    )
    given = refusal(answer(400, bomb.encode()))
    assert type(given) is errors.Unreachable
    assert given.info.code == "http-400"
    assert "root:" not in given.info.text


def test_deep_xml_is_no_trouble() -> None:
    """A hundred thousand nested elements are a page, not a crash."""
    assert type(refusal(answer(400, b"<a>" * 100_000))) is errors.Unreachable


def test_a_token_in_a_401_is_hidden() -> None:
    """The detail of a 401 can hold the token (recorded); neither it nor the realm id is kept."""
    token, realm = "AB01SECRETSECRETTOKEN", "934145483811870"
    case = Case(
        row="", status=401, code="3200", detail=f"Token expired: {token} {realm}",
        error=errors.Unauthorized,
    )  # fmt: skip
    for shape in (upper, lower, xml):
        given = refusal(answer(401, shape(case)), secrets=(realm,))
        assert token not in f"{given} {given!r} {given.info!r}"
        assert realm not in f"{given} {given.info!r}"
    given = refusal(answer(401, lower(case)), secrets=(token, realm))
    assert token not in f"{given.info!r}"


def test_texts_are_cut() -> None:
    """A text of a megabyte is kept to 500 characters, as are element and subject to theirs."""
    error = {"Message": "m" * 10**6, "code": "6140", "Detail": "TxnId=" + "9" * 10**5}
    error["element"] = "e " * 10**5
    info = refusal(answer(400, json.dumps({"Fault": {"Error": [error]}}).encode())).info
    assert len(info.text) <= 500
    assert len(info.element) <= 500
    assert len(info.subject) <= 100


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Mon, 02 Mar 2026 09:01:30 GMT", 90.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 09:01:30 -0000", 90.0),
        ("999999999999999999999", 3600.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 3600.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    """Seconds and dates are understood and capped at an hour; nonsense is as good as nothing."""
    given = refusal(answer(429, b"", retry_after=value))
    assert isinstance(given, errors.Busy)
    assert given.retry_after == seconds


@pytest.mark.parametrize("name", ["intuit_tid", "intuit-tid"])
def test_intuit_tid_in_both_spellings(name: str) -> None:
    """Recordings spell the header with a hyphen and with an underscore."""
    given = Answer(status=400, headers={name: TID}, body=b"")
    assert refusal(given).info.intuit_tid == TID
