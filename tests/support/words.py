"""What people read of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.model import ErrorInfo

if TYPE_CHECKING:
    from dunahub_qbo_plugin.errors import MappingError
    from dunahub_qbo_plugin.model import Kind


def told(kind: Kind, error: MappingError) -> str:
    """Return why a record is refused, and what to do."""
    info = ErrorInfo(code=error.code, subject=error.subject, facts=error.facts)
    advice = advise(kind, info)
    return f"{advice.why} {advice.action}"
