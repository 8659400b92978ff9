"""What a host's pages and a plugin exchange: panels, actions and record cards.

No web framework is involved: a panel is HTML text plus named actions, an action is a callable, and
every response is a redirect or a file. The host mounts them under URLs of its own choosing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import attrs

from dunahub_hookspecs.values import Organization, Person

if TYPE_CHECKING:
    from pathlib import Path

    from dunahub_hookspecs.notices import Notice

Query = Mapping[str, str]
Form = Mapping[str, tuple[str, ...]]


def _without_slash(url: str) -> str:
    return url.rstrip("/")


def _form(value: Mapping[str, str | tuple[str, ...] | list[str]]) -> Form:
    return {
        name: (given,) if isinstance(given, str) else tuple(given) for name, given in value.items()
    }


class _Silent(dict[str, str]):
    """Parameters of an address, which may hold an OAuth code: error reporters show it by this."""

    def __repr__(self) -> str:
        return f"<{len(self)} parameters>"


def _silent(value: Query) -> Query:
    return _Silent(value)


@attrs.frozen(kw_only=True)
class SettingsRequest:
    """A person opens a page on which plugins may show something.

    Attributes:
        person: who is signed in.
        page_url: the panel's own URL, absolute (``https://app.example/settings/quickbooks``).
        action_url: where actions are mounted; an action's URL is this, a slash and its name.
        query: the page's query parameters: filters, paging, open sections.
        hidden_fields: fields that each form must contain for the host, such as its CSRF token.
        record_url: returns the URL of a record's page in the host, for links; None where the host
            has none.
        style_nonce: the nonce of your Content-Security-Policy for this page, which its style then
            has: so the policy needs no ``'unsafe-inline'``. Empty where you have none.
        render: False if the host needs only the actions (it is about to run one), so that the
            plugin need not render the HTML.
    """

    person: Person = attrs.field(validator=attrs.validators.instance_of(Person))
    page_url: str
    action_url: str = attrs.field(converter=_without_slash)
    query: Query = attrs.field(factory=dict)
    hidden_fields: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    record_url: Callable[[str, str], str | None] | None = None
    style_nonce: str = attrs.field(default="", repr=False)
    render: bool = True


@attrs.frozen(kw_only=True)
class ActionRequest:
    """A person pressed a button, or returned from another site to a GET action.

    Attributes:
        org: the organization that the person is signed in to; the plugin touches no other.
        person: who is signed in.
        page_url, action_url: as in `SettingsRequest`.
        query: the query parameters. They can hold secrets (an OAuth code), so neither they nor the
            mapping by itself are shown by ``repr``.
        form: the form fields, each with every value it was sent with.
        record_url: as in `SettingsRequest`; an action from a record's card redirects to that
            record.
    """

    org: Organization = attrs.field(validator=attrs.validators.instance_of(Organization))
    person: Person = attrs.field(validator=attrs.validators.instance_of(Person))
    page_url: str
    action_url: str = attrs.field(converter=_without_slash)
    query: Query = attrs.field(factory=dict, converter=_silent, repr=False)
    form: Form = attrs.field(factory=dict, converter=_form, repr=False)
    record_url: Callable[[str, str], str | None] | None = None

    def value(self, name: str, default: str = "") -> str:
        """Return a form field's first value, or the default if it was not sent."""
        return next(iter(self.form.get(name, ())), default)


@attrs.frozen(kw_only=True)
class Redirect:
    """Redirect the person with status 303 (or 302), without showing anything."""

    url: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Download:
    """Return the person a file.

    Attributes:
        filename: the name for the browser to save it under.
        content_type: its media type.
        body: its bytes, whole or in parts.
    """

    filename: str
    content_type: str
    body: bytes | Iterator[bytes] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Action:
    """Something a person can do from a panel or a record card.

    Attributes:
        name: the last part of its URL.
        method: ``POST`` for whatever changes something: the host checks its CSRF token and the
            person's right to change settings before the call. ``GET`` for the return from an OAuth
            consent page, which is guarded by its ``state``, and for downloads.
        handle: carries it out.
    """

    name: str
    method: Literal["GET", "POST"]
    handle: Callable[[ActionRequest], Redirect | Download]


@attrs.frozen(kw_only=True)
class SettingsPanel:
    """A plugin's page in the host's settings.

    Attributes:
        slug: its name in URLs.
        title: its name in the host's menu.
        html: a fragment for the host's page; empty if the request had ``render=False``.
        actions: its actions.
        count: how much waits for a person there, for the host's menu; given with
            ``render=False``, too.
    """

    slug: str
    title: str
    html: str = attrs.field(repr=False)
    actions: tuple[Action, ...] = ()
    count: int = 0


@attrs.frozen(kw_only=True)
class RecordCard:
    """A plugin's part of the page of one lead, invoice or payment.

    Its forms post to the actions of the same plugin's settings panel.

    Attributes:
        title: a short heading.
        html: a fragment for the host's page.
    """

    title: str
    html: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Host:
    """The application that loads plugins.

    Attributes:
        name, version: for logs and for the User-Agent of a plugin's requests.
        data_dir: a folder that survives restarts, where a plugin may keep files of its own; None
            if there is no such folder.
        organization: returns an organization as it is now, None for an unknown one. Without it a
            plugin knows of an organization only what the last hook said.
        notify: takes what a plugin has to tell, such as that somebody must act. It is called in a
            thread of the plugin's, never within a hook; when it raises, the same notice comes
            again later. Without it a plugin tells on its page alone.
    """

    name: str
    version: str = ""
    data_dir: Path | None = None
    organization: Callable[[str], Organization | None] | None = None
    notify: Callable[[Notice], None] | None = None
