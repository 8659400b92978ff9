from __future__ import annotations

import pytest

from dunahub_qbo_plugin.qbo.redact import MAX_TEXT_LENGTH, redact

JWT = "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0..bHBkGn5MH32cMyV1148p5A.Zm9v"
REFRESH = "AB11600000000abcdefghijklmnopqrstuvwxyz0123456789AB"
NEW_REFRESH = "RT1-39-H3-1750000000abcdefghij012345"


@pytest.mark.parametrize(
    "text",
    [
        f"Token expired: {REFRESH[:10]}",
        f"Token revoked:{JWT}",
        f"Authorization: Bearer {JWT}",
        "authorization: bearer short123",
        f"Basic {'QUJj' * 6}=",
        f"said {JWT} and more",
        f"said {REFRESH}",
        f"said {NEW_REFRESH}.",
        f'{{"refresh_token":"{NEW_REFRESH}"}}',
        "access_token=abcdefgh",
        "client_secret: hunter2hunter2",
    ],
)
def test_hides_what_looks_like_a_token(text: str) -> None:
    """Whatever follows "Bearer" or "token", and long words of letters and digits, is hidden."""
    shown = redact(text)
    assert "[hidden]" in shown
    for secret in (JWT, JWT[:20], REFRESH, REFRESH[:10], NEW_REFRESH, "short123", "QUJjQUJj"):
        assert secret not in shown
    assert "abcdefgh" not in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "This number has already been used. DocNumber=O0010714 is assigned to TxnId=45823",
        'Property Name:Unrecognized field "BadJson" (class com.intuit.schema.finance.v3.Invoice)',
        "message=AuthenticationFailed; errorCode=003200; statusCode=401",
        "Invalid Reference Id : Names element id 75 not found",
        "Amount is not equal to UnitPrice * Qty. Supplied value:1,861.07",
        "Malformed bearer token: too short or too long",
        "Incorrect Token type or clientID",
    ],
)
def test_leaves_ordinary_texts_alone(text: str) -> None:
    """QuickBooks' own sentences, as recorded, stay whole."""
    assert redact(text) == text


def test_hides_known_secrets_whatever_they_look_like() -> None:
    """A value that is passed in is hidden, the longer one first."""
    shown = redact("realm 934145483 and 934145483811", secrets=("934145483", "934145483811", "re"))
    assert shown == "realm [hidden] and [hidden]"


def test_is_stricter_where_tokens_are_known_to_be_repeated() -> None:
    """In a 401 a word of twelve letters and digits is hidden too."""
    assert redact("detail abc123def456", suspicious=True) == "detail [hidden]"
    assert redact("detail abc123def456") == "detail abc123def456"


def test_folds_and_cuts() -> None:
    """Line breaks and control characters become one space; the text ends after 500 characters."""
    assert redact("a\n\t b\x00\u2028c ") == "a b c"
    long = redact("word " * 1000)
    assert len(long) <= MAX_TEXT_LENGTH
    assert long.endswith("…")


def test_takes_no_time_on_a_hostile_text() -> None:
    """A megabyte made to confuse the patterns is cut before it is searched."""
    assert len(redact("token " + "a-" * 500_000)) <= MAX_TEXT_LENGTH
