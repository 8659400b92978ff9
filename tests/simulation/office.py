"""What the office does: every button of the panel, the connection, the region.

Promises that each button is pressed through the panel's own actions, in a thread of a host's
process. Promises that what a person asked for by a record's name is noted before it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from dunahub_hookspecs import ActionRequest, Redirect, SettingsRequest
from dunahub_hookspecs.host import collect_cards, dispatch, show_panel
from dunahub_qbo_plugin.model import RecordKey, RecordState
from dunahub_qbo_plugin.store.queries import records as views
from dunahub_qbo_plugin.testing.host import HOST_KINDS, SETTINGS, SLUG, said

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from dunahub_qbo_plugin.store.queries.records import RecordView
    from tests.simulation.crm import Org
    from tests.simulation.process import Process
    from tests.simulation.world import World

ADDRESS: Final = f"{SETTINGS}/{SLUG}"


def press(
    world: World,
    host: Process,
    org: Org,
    action: str,
    *,
    keys: Sequence[RecordKey] = (),
    method: str = "POST",
    query: dict[str, str] | None = None,
    **form: str,
) -> Any:  # noqa: ANN401  what actions answer
    """Press a button, in the caller's thread; gives the answer."""
    fields: dict[str, Any] = dict(form)
    if keys:
        fields["key"] = [str(key) for key in keys]
    request = ActionRequest(
        org=org.value(),
        person=world.person,
        page_url=ADDRESS,
        action_url=ADDRESS,
        query=query or {},
        form=fields,
    )
    return dispatch(host.manager, SLUG, action, method, request)


def in_request(
    world: World, dice: random.Random, name: str, does: Callable[[Process], object]
) -> None:
    """Have something done in a thread of one of the hosts."""
    host = world.some_host(dice)
    world.scheduler.spawn(f"{host.name}.{name}", host.life, lambda: does(host), request=True)


def views_of(world: World, org: Org) -> list[RecordView]:
    """Return the records of an organization's company as people see them."""
    runtime = world.web[0].runtime
    with runtime.database.read.connect() as db:
        connection = runtime.connections.current(db, org.id)
        if connection is None:
            return []
        found = (views.one(db, connection, key) for key in sorted(org.records, key=str))
        return [view for view in found if view is not None]


def _about(world: World, dice: random.Random, org: Org, *states: RecordState) -> RecordKey | None:
    """Choose a record in one of some states, if there is any."""
    found = [view.key for view in views_of(world, org) if view.state in states]
    return found[dice.randrange(len(found))] if found else None


def retry_all(world: World, dice: random.Random) -> None:
    """Press Retry all."""
    org = world.some_org(dice)
    in_request(world, dice, "retry-all", lambda host: press(world, host, org, "retry-all"))


def retry_one(world: World, dice: random.Random) -> None:
    """Press Retry on a record that needs attention, or on any."""
    org = world.some_org(dice)
    key = _about(world, dice, org, RecordState.ATTENTION) or _about(world, dice, org, *RecordState)
    _name(world, dice, org, "retry", key)


def link_one(world: World, dice: random.Random) -> None:
    """Link a record to what QuickBooks has already."""
    org = world.some_org(dice)
    offered = [view.key for view in views_of(world, org) if view.candidate_id]
    _name(world, dice, org, "link", offered[0] if offered else None)


def dismiss_one(world: World, dice: random.Random) -> None:
    """Decide not to send a record."""
    org = world.some_org(dice)
    open_ones = (RecordState.ATTENTION, RecordState.WAITING, RecordState.NOT_SENT)
    key = _about(world, dice, org, *open_ones)
    _name(world, dice, org, "dismiss", key, reason="Entered by hand")


def undo_one(world: World, dice: random.Random) -> None:
    """Take that back."""
    org = world.some_org(dice)
    _name(world, dice, org, "undo", _about(world, dice, org, RecordState.NOT_SENT))


def send_one(world: World, dice: random.Random) -> None:
    """Send a record that a disconnect left behind."""
    org = world.some_org(dice)
    _name(world, dice, org, "send", _about(world, dice, org, RecordState.NOT_SENT))


def _name(
    world: World,
    dice: random.Random,
    org: Org,
    action: str,
    key: RecordKey | None,
    **form: Any,  # noqa: ANN401  as for `press`
) -> None:
    """Press a button of one record."""
    if key is not None:
        in_request(world, dice, action, lambda host: by_name(world, host, org, action, key, **form))


def by_name(
    world: World,
    host: Process,
    org: Org,
    action: str,
    key: RecordKey,
    **form: Any,  # noqa: ANN401  as for `press`
) -> object:
    """Press a button of one record, in the caller's thread."""
    world.asked.setdefault((org.id, key), []).append(world.scheduler.steps)
    if action == "dismiss":
        world.dismissed.add((org.id, key))
    else:
        world.kept_back.pop((org.id, key), None)
    before = world.scheduler.steps
    answer = press(world, host, org, action, keys=[key], **form)
    if said(answer) == "dismissed":
        world.kept_back[(org.id, key)] = before
    return answer


def send_all(world: World, dice: random.Random) -> None:
    """Send all that a disconnect left behind."""
    org = world.some_org(dice)

    def does(host: Process) -> None:
        press(world, host, org, "send-all")
        world.asked_for_all.setdefault(org.id, []).append(world.scheduler.steps)

    in_request(world, dice, "send-all", does)


def compare(world: World, dice: random.Random) -> None:
    """Have the last days compared with QuickBooks."""
    org = world.some_org(dice)
    in_request(world, dice, "compare", lambda host: press(world, host, org, "compare"))


def check(world: World, dice: random.Random) -> None:
    """Check the connection, or read the products anew."""
    org, action = world.some_org(dice), dice.choice(("check", "refresh-items", "match-names"))
    in_request(world, dice, action, lambda host: press(world, host, org, action))


def choose_default(world: World, dice: random.Random) -> None:
    """Choose the product for everything else."""
    org, item = world.some_org(dice), dice.choice(("1", "2"))
    in_request(
        world, dice, "choose", lambda host: press(world, host, org, "choose-default", item=item)
    )


def resume(world: World, dice: random.Random) -> None:
    """Cut a pause short."""
    org = world.some_org(dice)
    in_request(world, dice, "resume", lambda host: press(world, host, org, "resume"))


def page(world: World, dice: random.Random) -> None:
    """Look at the page."""
    org = world.some_org(dice)
    in_request(world, dice, "page", lambda host: show(world, host, org))


def show(world: World, host: Process, org: Org) -> str:
    """Return the settings page, in the caller's thread."""
    asked = _request(world)
    panel = show_panel(host.manager, org.value(), SLUG, lambda _: asked)
    return "" if panel is None else panel.html


def card(world: World, host: Process, org: Org, key: RecordKey) -> str:
    """Return the card of a record, in the caller's thread."""
    asked = _request(world)
    kind = HOST_KINDS[key.kind]
    cards = collect_cards(host.manager, org.value(), lambda _: asked, kind, key.local_id)
    return "\n".join(one.html for one in cards)


def _request(world: World) -> SettingsRequest:
    return SettingsRequest(person=world.person, page_url=ADDRESS, action_url=ADDRESS)


def disconnect(world: World, dice: random.Random) -> None:
    """Press Disconnect."""
    org = world.some_org(dice)
    in_request(world, dice, "disconnect", lambda host: press(world, host, org, "disconnect"))


def reconnect(world: World, dice: random.Random) -> None:
    """Connect the company that was connected, or first."""
    org = world.some_org(dice)
    current = world.watch.current(org.id)
    realm = org.realms[0] if current is None else current.realm
    in_request(world, dice, "connect", lambda host: connect(world, host, org, realm))


def switch(world: World, dice: random.Random) -> None:
    """Connect another company, and say yes or no to it."""
    org, yes = world.orgs["acme"], dice.random() < 0.7
    realm = org.realms[dice.randrange(len(org.realms))]

    def does(host: Process) -> None:
        if connect(world, host, org, realm) == "confirm":
            decide(world, host, org, yes=yes)

    in_request(world, dice, "switch", does)


def connect(world: World, host: Process, org: Org, realm: str) -> str:
    """Go through Intuit's consent page; gives what it came to."""
    asked = press(world, host, org, "connect")
    if not isinstance(asked, Redirect) or "state=" not in asked.url:
        return ""  # not in the US, or Intuit cannot be asked
    world.scheduler.point("on Intuit's page")
    back = urlsplit(world.consented(asked.url, realm)).query
    query = {name: values[0] for name, values in parse_qs(back).items()}
    return said(press(world, host, org, "callback", method="GET", query=query))


def decide(world: World, host: Process, org: Org, *, yes: bool) -> None:
    """Say whether the other company shall be the one."""
    if not yes:
        press(world, host, org, "cancel-company")
        return
    runtime = host.runtime
    with runtime.database.read.connect() as db:
        pending = runtime.connections.pending(db, org.id)
    press(world, host, org, "confirm-company", company=pending.id if pending else "")


def change_region(world: World, dice: random.Random) -> None:
    """Leave the US, or come back and look at the page; nobody does so twice in a moment.

    Nor while the organization is being connected.
    """
    org = world.orgs["zeta"]
    if org.moving or world.scheduler.doing("connect"):
        return
    org.us = not org.us
    org.moved, org.moving = world.scheduler.steps, True

    def look(host: Process) -> None:
        try:
            show(world, host, org)
        finally:
            org.moving = False

    in_request(world, dice, "region", look)


EVENTS = (
    retry_all,
    retry_one,
    link_one,
    dismiss_one,
    undo_one,
    send_one,
    send_all,
    compare,
    check,
    choose_default,
    resume,
    page,
    disconnect,
    reconnect,
    switch,
    change_region,
)
"""What the office does now and then."""
