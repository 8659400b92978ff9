"""Choose the words for a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.advice.answers import ANSWERS, answer_words, cause_of
from dunahub_qbo_plugin.advice.refusals import REFUSALS, refusal_words
from dunahub_qbo_plugin.advice.wording import fill
from dunahub_qbo_plugin.qbo.consequences import Who
from dunahub_qbo_plugin.qbo.fault_table import row_of

if TYPE_CHECKING:
    from dunahub_qbo_plugin.advice.wording import Fix
    from dunahub_qbo_plugin.model import ErrorInfo, Kind


@attrs.frozen(kw_only=True)
class Advice:
    """What to tell people about one failed try. Plain text: escape it in a page.

    Attributes:
        title: one line: what happened, to which kind of record.
        why: the reason, one or two sentences.
        action: what to do, or that there is nothing to do.
        retried: True when it is tried again automatically.
        who: who can fix it.
        fix: which button helps.
    """

    title: str
    why: str
    action: str
    retried: bool
    who: Who
    fix: Fix


def advise(kind: Kind, info: ErrorInfo) -> Advice:
    """Return what happened to a record, why, and what to do.

    Args:
        kind: the kind of the record that failed.
        info: why; without its facts only the reason is less exact.
    """
    if info.code in REFUSALS:
        return _refused(kind, info)
    row = row_of(info)
    wording = ANSWERS[cause_of(kind, row.cause, info)]
    words = answer_words(kind, info)
    return Advice(
        title=fill(wording.title, words),
        why=fill(wording.why, words),
        action=fill(wording.action, words),
        retried=row.consequence.becomes != "rejected",
        who=row.who,
        fix=wording.fix,
    )


def _refused(kind: Kind, info: ErrorInfo) -> Advice:
    wording, words = REFUSALS[info.code], refusal_words(kind, info)
    title = fill(wording.title, words)
    try:
        why = fill(wording.why, words)
    except KeyError:  # the history keeps no facts
        why = f"{title}."
    return Advice(
        title=title,
        why=why,
        action=wording.action,
        retried=False,
        who=Who.OFFICE,
        fix=wording.fix,
    )
