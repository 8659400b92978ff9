"""Exchanges with QuickBooks as they are kept in ``fixtures/qbo/<entity>/<case>.json``.

Each file says what the plugin was about to do (``given``), what it asked (``request``), what came
back (``response``), what that comes to (``means``) and where it is from (``source``).
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.qbo.exact_json import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, Any]

REALM = "{realm}"
TOKEN = "{token}"  # noqa: S105  what stands in the place of one
REQUEST_ID = "{requestid}"
TID = "1-00000000-000000000000000000000000"
"""What stands for Intuit's id of an exchange."""


@attrs.frozen(kw_only=True)
class Exchange:
    """One request and its answer.

    Attributes:
        name: entity and case, such as ``invoice/create``.
        title: what happens, in one line.
        given: what must be there before, and what the plugin is to do.
        request: ``method``, ``path``, ``query``, ``headers`` and ``body`` (JSON, or text).
        response: ``status``, ``headers`` and ``body`` (JSON, or text).
        means: what the plugin makes of it; empty for an answer that is good.
        source: ``kind`` (``recorded`` or ``documented``) and whence.
    """

    name: str
    title: str
    given: Mapping[str, Any] = attrs.field(factory=dict)
    request: Mapping[str, Any] = attrs.field(factory=dict)
    response: Mapping[str, Any] = attrs.field(factory=dict)
    means: Mapping[str, Any] = attrs.field(factory=dict)
    source: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def is_recorded(self) -> bool:
        """False while the file only says what to do."""
        return bool(self.response)

    @property
    def answer_body(self) -> bytes:
        """The answer's body as it goes over a wire."""
        return body_bytes(self.response.get("body"))


def load(folder: Path | None = None) -> dict[str, Exchange]:
    """Read every exchange of a folder, by name.

    Args:
        folder: None for those that come with the plugin.

    Raises:
        ValueError: a file is not an exchange; the text names it.
    """
    base = folder or folder_of_fixtures()
    found = {}
    for path in sorted(base.glob("*/*.json")):
        name = path.relative_to(base).with_suffix("").as_posix()
        try:
            found[name] = Exchange(name=name, **decode(path.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is not an exchange: {error}") from error
    return found


def folder_of_fixtures() -> Path:
    """Return where the exchanges are: beside this module when installed, else in the checkout.

    Raises:
        FileNotFoundError: they are in neither place.
    """
    installed = Path(__file__).parent / "fixtures" / "qbo"
    checkout = Path(__file__).parents[2] / "fixtures" / "qbo"
    for folder in (installed, checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"there are no recorded exchanges in {installed}")


def save(exchange: Exchange, folder: Path) -> Path:
    """Write an exchange into a folder; gives its file."""
    path = folder / f"{exchange.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {
        name: value
        for name, value in attrs.asdict(exchange, recurse=False).items()
        if name != "name" and value
    }
    path.write_text(pretty(values) + "\n", encoding="utf-8")
    return path


def decode(text: str) -> Any:  # noqa: ANN401  whatever JSON holds
    """Read JSON with exact numbers."""
    return json.loads(text, parse_float=Decimal)


def body_bytes(body: object) -> bytes:
    """Write a body that is kept as JSON or as text."""
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else encode(dict(_mapping(body))).encode()


def _mapping(body: object) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise TypeError("a body is a JSON object or a text")
    return body


def pretty(value: object, indent: str = "") -> str:
    """Write JSON for people, numbers with the scale that they have."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        parts = [
            f"{deeper}{json.dumps(key)}: {pretty(item, deeper)}" for key, item in value.items()
        ]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if isinstance(value, list | tuple) and value:
        parts = [f"{deeper}{pretty(item, deeper)}" for item in value]
        return "[\n" + ",\n".join(parts) + f"\n{indent}]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=True)
