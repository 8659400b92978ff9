"""Trouble on demand: which request goes wrong next, and how."""

from __future__ import annotations

import re
import shlex
import threading
from typing import TYPE_CHECKING, Any, Literal, get_args

import attrs

from dunahub_qbo_plugin.emulator.world.fault_bodies import Shape
from dunahub_qbo_plugin.emulator.world.http_messages import Manner, Request
from dunahub_qbo_plugin.emulator.world.recorded_failures import RECORDED
from dunahub_qbo_plugin.emulator.world.rule_validators import number, one_of, regular_expression

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["fail", "fail_after", "lose", "late", "cut", "refuse"]
Target = Literal["api", "oauth", "any"]

_FINAL_STATUSES = range(200, 600)


@attrs.frozen(kw_only=True)
class TroubleRule:
    """The next matching requests go wrong in one way.

    Attributes:
        kind: `fail`: answered with a refusal, nothing carried out. `fail_after`: carried out,
            then answered with a refusal. `lose`: carried out, then the connection ends without
            an answer. `late`: carried out, answered after
            `seconds`. `cut`: carried out, the connection ends in the body. `refuse`: the
            connection is reset, nothing carried out.
        times: How many requests it strikes; None for all until it is removed.
        skip: How many matching requests pass unharmed first.
        target: `api` for `/v3/`, `oauth` for authorization and tokens, or `any`.
        method: The verb to match, or None for any.
        path: Regular expression searched in the path, or None.
        entity: First path segment after the realm, such as `invoice`, in any case, or None.
        operation: Value of the `operation` query parameter, or None.
        body: Regular expression searched in the body, or None.
        realm: The company, or None for any.
        resent: True for requests whose `requestid` came before only, False for the others only,
            None for both.
        recorded: Name of a failure in `RECORDED`, which gives status, code, texts and shape of a
            `fail` or `fail_after`, or None. What is named below takes precedence.
        status: Status of a `fail` or `fail_after`; None for the recorded failure's, or 503.
        code: QuickBooks' fault code (for shape `oauth` the error code); None takes the one that
            usually comes with the status.
        message: Message of the fault; None takes QuickBooks' own.
        detail: Detail of the fault; None takes QuickBooks' own.
        shape: Shape of the body; None takes the one that usually comes with the status.
        retry_after: Seconds in a `Retry-After` header, or None.
        replayed: The refusal is kept under the write's `requestid` and is the answer to every
            repeat, as QuickBooks keeps the answer of a request (whether of failures as well is
            not known).
        seconds: How late a `late` answer is.
        manner: How a `lose` ends the connection.
        keep: Which part of the body a `cut` lets through, 0 to 1.
    """

    kind: Kind = attrs.field(validator=one_of(get_args(Kind)))
    times: int | None = attrs.field(default=1, validator=number(lambda n: n >= 1, "1 or more"))
    skip: int = attrs.field(default=0, validator=number(lambda n: n >= 0, "0 or more"))
    target: Target = attrs.field(default="api", validator=one_of(get_args(Target)))
    method: str | None = None
    path: str | None = attrs.field(default=None, validator=regular_expression)
    entity: str | None = None
    operation: str | None = None
    body: str | None = attrs.field(default=None, validator=regular_expression)
    realm: str | None = None
    resent: bool | None = None
    recorded: str | None = attrs.field(default=None, validator=one_of(RECORDED))
    status: int | None = attrs.field(
        default=None, validator=number(_FINAL_STATUSES.__contains__, "a status")
    )
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    shape: Shape | None = attrs.field(default=None, validator=one_of(get_args(Shape)))
    retry_after: int | None = None
    replayed: bool = False
    seconds: float = attrs.field(default=30, validator=number(lambda n: n >= 0, "0 or more"))
    manner: Manner = attrs.field(default="reset", validator=one_of(get_args(Manner)))
    keep: float = attrs.field(default=0.5, validator=number(lambda n: 0 <= n <= 1, "0 to 1"))

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> TroubleRule:
        """Make a rule from JSON values.

        Raises:
            ValueError: A name is unknown or a value does not fit.
        """
        fields = attrs.fields_dict(cls)
        for name in values:
            if name not in fields:
                raise ValueError(f"{name!r} is not one of {', '.join(fields)}")
        if "kind" not in values:
            raise ValueError("kind is missing")
        read = {name: _read(name, value) for name, value in values.items()}
        return cls(**read)

    @classmethod
    def from_text(cls, text: str) -> TroubleRule:
        """Make a rule from a command line's text: `fail status=503 times=3 entity=invoice`.

        Raises:
            ValueError: The text does not have that form, or a value does not fit.
        """
        words = shlex.split(text)
        if not words:
            raise ValueError(f"say what should happen: {', '.join(get_args(Kind))}")
        values: dict[str, object] = {"kind": words[0]}
        for word in words[1:]:
            name, equals, value = word.partition("=")
            if not equals:
                raise ValueError(f"{word!r} is not of the form name=value")
            values[name] = None if name == "times" and value == "all" else value
        return cls.from_mapping(values)

    @property
    def refuses(self) -> bool:
        """Whether the client gets a refusal."""
        return self.kind in {"fail", "fail_after"}

    def matches(self, request: Request, *, resent: bool) -> bool:
        """Return whether the rule speaks of this request.

        Args:
            request: What was asked.
            resent: Whether its `requestid` came before.
        """
        is_api = request.path.startswith("/v3/")
        if self.target != "any" and is_api != (self.target == "api"):
            return False
        realm, entity = [*request.path.split("/")[3:5], "", ""][:2] if is_api else ["", ""]
        operation = request.query.get("operation")
        return (
            (self.method is None or request.method == self.method.upper())
            and self.realm in {None, realm}
            and (self.entity is None or entity.lower() == self.entity.lower())
            and self.operation in {None, operation}
            and self.resent in {None, resent}
            and (self.path is None or re.search(self.path, request.path) is not None)
            and (self.body is None or re.search(self.body, _text(request)) is not None)
        )


def _text(request: Request) -> str:
    return request.body.decode("utf-8", "replace")


_REMEMBERED = 50_000  # request ids
_SWITCHES = {"resent", "replayed"}
_INTEGERS = {"times", "skip", "status", "retry_after"}
_NUMBERS = {"seconds", "keep"}


def _read(name: str, value: object) -> Any:  # noqa: ANN401  each field has its own type
    if value is None:
        return None
    if name in _SWITCHES:
        if str(value).lower() not in {"true", "false"}:
            raise ValueError(f"{name} must be true or false, not {value!r}")
        return str(value).lower() == "true"
    if name in _INTEGERS | _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(f"{name} must be a number, not {value!r}")
        try:
            return int(value) if name in _INTEGERS else float(value)
        except ValueError:
            raise ValueError(f"{name} must be a number, not {value!r}") from None
    return str(value)


@attrs.define(kw_only=True)
class _Armed:
    number: int
    rule: TroubleRule
    passed: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        return self.rule.times is not None and self.struck >= self.rule.times


@attrs.frozen(kw_only=True)
class Strike:
    """A rule that strikes a request, and the rule's number."""

    number: int
    rule: TroubleRule


class TroubleRules:
    """The rules in force. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._next = 1
        self._request_ids: dict[tuple[str, str], None] = {}

    def add(self, rule: TroubleRule) -> int:
        """Put a rule in force behind those that are; return its number."""
        with self._lock:
            number = self._next
            self._next += 1
            self._armed = [*self._armed, _Armed(number=number, rule=rule)]
            return number

    def strike(self, request: Request) -> Strike | None:
        """Return the first rule that strikes this request, or None; the strike counts."""
        request_id = request.query.get("requestid")
        if not self._armed and not request_id:
            return None
        with self._lock:
            resent = bool(request_id) and not self._note((request.path, request_id or ""))
            for armed in self._armed:
                if armed.spent or not armed.rule.matches(request, resent=resent):
                    continue
                if armed.passed < armed.rule.skip:
                    armed.passed += 1
                    continue
                armed.struck += 1
                self._armed = [other for other in self._armed if not other.spent]
                return Strike(number=armed.number, rule=armed.rule)
        return None

    def _note(self, key: tuple[str, str]) -> bool:
        """Note a path and request id; return whether they are new."""
        if key in self._request_ids:
            return False
        self._request_ids[key] = None
        if len(self._request_ids) > _REMEMBERED:
            del self._request_ids[next(iter(self._request_ids))]
        return True

    def remove(self, number: int) -> bool:
        """Take a rule out of force; False if it is not in force."""
        with self._lock:
            kept = [armed for armed in self._armed if armed.number != number]
            removed = len(kept) < len(self._armed)
            self._armed = kept
            return removed

    def clear(self) -> None:
        """Take all rules out of force."""
        with self._lock:
            self._armed = []

    def in_force(self) -> list[dict[str, object]]:
        """Return the rules in force, with what is left of each, as JSON-able values."""
        with self._lock:
            return [
                {"number": a.number, "passed": a.passed, "struck": a.struck, **attrs.asdict(a.rule)}
                for a in self._armed
            ]
