"""``dunahub-qbo emulator``: a QuickBooks Online and Intuit's sign-in on one's own machine."""

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from dunahub_qbo_plugin.cli.extra import extra_told
from dunahub_qbo_plugin.cli.options import Port
from dunahub_qbo_plugin.cli.output import fail, note, say, say_json
from dunahub_qbo_plugin.stopping import until_stopped

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.server.serve import RunningEmulator
    from dunahub_qbo_plugin.emulator.world.directory import Offline


class Consent(StrEnum):
    """What the emulator's consent page does."""

    ASK = "ask"
    ACCEPT = "accept"
    DECLINE = "decline"


class ThrottleBody(StrEnum):
    """The shape of the emulator's 429."""

    XML = "xml"
    GATEWAY = "gateway"
    FAULT = "fault"


Texts = list[str] | None
NO_WAY_BACK = (
    "To connect a host, give the address of its callback, to the letter: "
    "--redirect-uri http://127.0.0.1:8000/settings/quickbooks/callback"
)
PROXIES = ("http_proxy", "all_proxy")
BEHIND_A_PROXY = "A proxy is set up here. For the host also: export NO_PROXY=127.0.0.1"


def emulator(  # noqa: PLR0913  one for each option
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8765,
    seed: Annotated[
        Texts,
        typer.Option(
            metavar="NAME[=ID]",
            help="A company to have: contractor, automated_tax, empty, sample (Intuit's own) or "
            "canadian; with an id of your own. Repeatable.",
        ),
    ] = None,
    company: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="The company that is connected where nobody chooses one: by --consent accept, "
            "and by the two tokens. Without it: the first.",
        ),
    ] = "",
    access_token: Annotated[
        str,
        typer.Option(metavar="TOKEN", help="An access token that works from the start."),
    ] = "",
    refresh_token: Annotated[
        str,
        typer.Option(metavar="TOKEN", help="A refresh token that works from the start."),
    ] = "",
    redirect_uri: Annotated[
        Texts,
        typer.Option(
            metavar="URL",
            help="Where a host takes the callback, to the letter. Repeatable.",
        ),
    ] = None,
    consent: Annotated[
        Consent, typer.Option(help="Show the consent page, or answer it at once.")
    ] = Consent.ASK,
    trouble: Annotated[
        Texts,
        typer.Option(
            metavar="RULE",
            help="What goes wrong: 'fail status=503 times=3 entity=invoice', 'fail_after "
            "recorded=internal_30003', 'lose', 'late seconds=9', 'cut' or 'refuse'. Repeatable.",
        ),
    ] = None,
    offline: Annotated[
        Texts,
        typer.Option(
            metavar="REALM=WHY",
            help="A company that cannot be used: subscription_ended, maintenance, locked or "
            "wrong_cluster. Repeatable.",
        ),
    ] = None,
    latency: Annotated[float, typer.Option(min=0, help="Seconds each answer is late.")] = 0.0,
    skew: Annotated[float, typer.Option(help="Seconds its clock is ahead.")] = 0.0,
    per_minute: Annotated[
        int, typer.Option(min=0, help="Requests a minute for a company; 0 for no limit.")
    ] = 500,
    concurrent: Annotated[
        int, typer.Option(min=0, help="Requests at once for a company; 0 for no limit.")
    ] = 10,
    throttle_body: Annotated[
        ThrottleBody, typer.Option(help="The shape of a 429.")
    ] = ThrottleBody.XML,
    retry_after: Annotated[
        int | None, typer.Option(min=0, help="Seconds in the Retry-After of a 429.")
    ] = None,
    access_token_lifetime: Annotated[
        int, typer.Option(min=1, help="Seconds an access token lives.")
    ] = 3600,
    refresh_token_lifetime: Annotated[
        int, typer.Option(min=1, help="Seconds a refresh token lives.")
    ] = 8_726_400,
    refresh_grace: Annotated[
        int,
        typer.Option(min=0, help="Seconds a refresh token works on after a new one was given."),
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print address and app keys as one JSON object.")
    ] = False,
) -> None:
    """Serve a QuickBooks Online and Intuit's sign-in on this machine until Ctrl-C.

    It prints the settings that make the plugin speak to it, with app keys that work nowhere else,
    and has pages that show each company's books. To connect a host, name its callback with
    --redirect-uri.

    Exit status: 0 stopped, 2 options, a port that is taken, or a package that is missing.
    """
    with extra_told():
        from dunahub_qbo_plugin.emulator.server.run_options import RunOptions  # noqa: PLC0415  as above
        from dunahub_qbo_plugin.emulator.server.serve import run  # noqa: PLC0415  as above
        from dunahub_qbo_plugin.emulator.world.grants import OAuthSettings  # noqa: PLC0415  needs the extra
        from dunahub_qbo_plugin.emulator.world.throttle import ThrottleSettings  # noqa: PLC0415  as above
        from dunahub_qbo_plugin.emulator.world.world import DEFAULT_SEEDS  # noqa: PLC0415  as above
    options = RunOptions(
        redirect_uris=tuple(redirect_uri or ()),
        trouble=tuple(trouble or ()),
        latency=latency,
        skew=skew,
        consent=consent.value,
        throttle=ThrottleSettings(
            per_minute=per_minute or None,
            concurrent=concurrent or None,
            body=throttle_body.value,
            retry_after=retry_after,
        ),
        oauth=OAuthSettings(
            access_token_lifetime=access_token_lifetime,
            refresh_token_lifetime=refresh_token_lifetime,
            refresh_grace=refresh_grace,
        ),
        company=company,
        access_token=access_token,
        refresh_token=refresh_token,
        offline=_offline(offline or []),
    )
    try:
        with until_stopped() as stopped:
            run(
                host,
                port,
                seed or DEFAULT_SEEDS,
                options,
                started=lambda running: _say_started(
                    running, as_json=as_json, way_back=bool(redirect_uri)
                ),
                until=stopped,
            )
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"the emulator could not start on {host}:{port}: {error}")


def _offline(given: list[str]) -> "dict[str, Offline]":
    from dunahub_qbo_plugin.emulator.world.directory import Offline  # noqa: PLC0415  needs the extra

    reasons: tuple[Offline, ...] = get_args(Offline)
    offline: dict[str, Offline] = {}
    for text in given:
        realm, _, why = text.partition("=")
        reason = next((known for known in reasons if known == why), None)
        if reason is None:
            raise typer.BadParameter(f"{text!r} is not REALM=WHY, WHY one of {', '.join(reasons)}")
        offline[realm] = reason
    return offline


def _say_started(running: "RunningEmulator", *, as_json: bool, way_back: bool) -> None:
    from dunahub_qbo_plugin.emulator import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET  # noqa: PLC0415  needs the extra

    settings = {
        "DUNAHUB_QBO_CLIENT_ID": DEFAULT_CLIENT_ID,
        "DUNAHUB_QBO_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "DUNAHUB_QBO_API_URL": running.url,
        "DUNAHUB_QBO_DISCOVERY_URL": f"{running.url}/.well-known/openid_configuration",
        "DUNAHUB_QBO_APP_URL": running.url,
    }
    companies = {realm: company.books.name for realm, company in running.world.companies.items()}
    if as_json:
        say_json({"url": running.url, "companies": companies, "environment": settings})
        return
    say(f"QuickBooks and its books: {running.url}")
    for realm, name in companies.items():
        say(f"  {realm}  {name}")
    say("Settings for the plugin (these app keys work nowhere else):")
    for name, value in settings.items():
        say(f"  export {name}={value}")
    if not way_back:
        note(NO_WAY_BACK)
    if any(name.lower() in PROXIES for name, value in os.environ.items() if value):
        note(BEHIND_A_PROXY)
    say("Ctrl-C stops it.")
