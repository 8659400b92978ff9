"""Start the CRM beside a QuickBooks emulator, play the story, and serve until stopped."""

from __future__ import annotations

import logging
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from cheroot import wsgi

from dunahub_hookspecs import Host
from dunahub_hookspecs.host import create_plugin_manager
from dunahub_qbo_plugin.demo import contract, report, settings
from dunahub_qbo_plugin.demo.bridge import Plugins
from dunahub_qbo_plugin.demo.kept_world import WorldFile
from dunahub_qbo_plugin.demo.narrator import Narrator
from dunahub_qbo_plugin.demo.person import Person, StoryError
from dunahub_qbo_plugin.demo.store import Store
from dunahub_qbo_plugin.demo.story import Story
from dunahub_qbo_plugin.demo.trouble import EmulatorAdmin
from dunahub_qbo_plugin.demo.web.app import create_app
from dunahub_qbo_plugin.demo.web.context import Crm
from dunahub_qbo_plugin.emulator.server.serve import serve
from dunahub_qbo_plugin.emulator.world.directory import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from dunahub_qbo_plugin.emulator.world.world import World
from dunahub_qbo_plugin.stopping import until_stopped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from dunahub_hookspecs import Notice, Organization
    from dunahub_qbo_plugin.demo.story import Result

_LOOPBACK = "127.0.0.1"
_THREADS = 12
_CALLBACK = "/settings/quickbooks/callback"
_STORY_TOLD = "story.told"
_LOG = "demo.log"
_LOG_TAIL = 25


@attrs.define(kw_only=True, eq=False)
class Demo:
    """A demo that serves.

    Attributes:
        crm: the CRM.
        emulator: its QuickBooks.
        folder: where both keep their files.
    """

    crm: Crm
    emulator: EmulatorAdmin
    folder: Path

    def play(self, narrator: Narrator) -> Result:
        """Play the story.

        Raises:
            StoryError: something did not happen that should have.
        """
        person = Person(self.crm.base_url, time.sleep, time.perf_counter)
        narrator.title("A gutter replacement, from the first call to the books")
        try:
            story = Story(
                person=person, emulator=self.emulator, narrator=narrator, timer=time.perf_counter
            )
            return story.play()
        finally:
            person.close()


def run_demo(
    *,
    once: bool,
    as_json: bool,
    data_dir: Path | None,
    crm_port: int,
    emulator_port: int,
    out: TextIO,
    emulator_url: str | None = None,
    story: bool = True,
) -> int:
    """Run the demo.

    Args:
        once: play the story and stop, instead of serving until Ctrl-C.
        as_json: print one JSON object with the result, and nothing else.
        data_dir: where everything is kept for the next run; None for a folder that goes away.
        crm_port: the CRM's port, 0 for a free one.
        emulator_port: the emulator's port, 0 for a free one.
        out: where to print.
        emulator_url: an emulator that runs already, instead of one of the demo's own.
        story: False to serve without playing it. With a kept folder it is played in the first
            run, and in each that is ``once``.

    Returns:
        the exit status: 0, or 1 when the story could not be played to its end.
    """
    narrator = Narrator(None if as_json else out)
    with until_stopped() as stopped, ExitStack() as stack:
        demo = stack.enter_context(
            running(
                data_dir=data_dir,
                crm_port=crm_port,
                emulator_port=emulator_port,
                emulator_url=emulator_url,
            )
        )
        told = demo.folder / _STORY_TOLD
        if story and (once or not told.exists()):
            told.touch()
            try:
                result = demo.play(narrator)
            except StoryError as error:
                narrator.fails(str(error))
                sys.stderr.write(_last_lines(demo.folder / _LOG))
                if as_json:
                    out.write(report.failure(str(error)) + "\n")
                if once:
                    return 1
            else:
                if as_json:
                    out.write(report.success(result, demo.crm.plugins, demo.emulator) + "\n")
                report.summary(narrator, demo.crm.plugins)
        if not once:
            _say_where(narrator, demo)
            stopped.wait()
            narrator.blank()
    return 0


@contextmanager
def running(
    *,
    data_dir: Path | None = None,
    crm_port: int = 0,
    emulator_port: int = 0,
    emulator_url: str | None = None,
) -> Iterator[Demo]:
    """Serve a demo while the block runs. The plugin is loaded through its entry point.

    Args:
        data_dir: as for `run_demo`.
        crm_port: as for `run_demo`.
        emulator_port: as for `run_demo`.
        emulator_url: as for `run_demo`.

    Raises:
        OSError: a port is taken.
        EmulatorError: at `emulator_url` there is no emulator that answers.
        KeptWorldError: the folder's QuickBooks companies cannot be read.
    """
    with ExitStack() as stack:
        if data_dir is None:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="dunahub-demo-"))
            folder = Path(name)
        else:
            folder = data_dir.resolve()
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if emulator_url is None:
            world = World.default()
            if data_dir is not None:
                kept = WorldFile(folder / "quickbooks.world")
                world = kept.open()
                stack.callback(kept.save, world)
            emulator_url = stack.enter_context(serve(world, _LOOPBACK, emulator_port)).url
        admin = EmulatorAdmin(emulator_url)
        stack.callback(admin.close)
        stack.enter_context(_logging(folder / _LOG))
        server = wsgi.Server((_LOOPBACK, crm_port), _not_yet, numthreads=_THREADS)
        server.prepare()
        stack.callback(
            server.stop
        )  # its threads would keep a process whose start fails from here on
        base_url = f"http://{_LOOPBACK}:{server.bind_addr[1]}"
        admin.allow_redirect(DEFAULT_CLIENT_ID, base_url + _CALLBACK)
        own = settings.Secrets.of(folder)
        variables = settings.plugin_variables(
            client_id=DEFAULT_CLIENT_ID,
            client_secret=DEFAULT_CLIENT_SECRET,
            fernet_key=own.fernet_key,
            database=folder / "plugin.sqlite3",
            redirect_uri=base_url + _CALLBACK,
            emulator_url=emulator_url,
        )
        stack.enter_context(settings.environment(variables))
        store = Store(folder / "crm.sqlite3")
        stack.callback(store.close)
        plugins = Plugins(create_plugin_manager(), time.perf_counter)
        plugins.start(_host(store, folder))
        stack.callback(plugins.stop)
        crm = Crm(store=store, plugins=plugins, clock=_now, base_url=base_url, emulator=admin)
        server.wsgi_app = create_app(crm, own.session_key)
        stack.enter_context(_serving(server))
        yield Demo(crm=crm, emulator=admin, folder=folder)


def _host(store: Store, folder: Path) -> Host:
    """Return what plugins may know of the CRM."""

    def organization(org_id: str) -> Organization | None:
        company = store.company(org_id)
        return contract.organization(company) if company else None

    def take(notice: Notice) -> None:
        store.take_mail(contract.mail(notice, _now()))

    return Host(name="DunaHub demo CRM", data_dir=folder, organization=organization, notify=take)


def _say_where(narrator: Narrator, demo: Demo) -> None:
    narrator.title("Open in a browser")
    narrator.address("The CRM", demo.crm.base_url)
    narrator.address("QuickBooks' books", demo.emulator.books_url())
    narrator.address("Data", str(demo.folder))
    narrator.blank()
    narrator.note("Ctrl-C stops both.")


@contextmanager
def _logging(path: Path) -> Iterator[None]:
    """Write warnings to a file: they would come between the story's lines."""
    handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def _last_lines(path: Path) -> str:
    """Return the end of the log, to explain a story that stopped."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(encoding="utf-8").splitlines()[-_LOG_TAIL:]) + "\n"


@contextmanager
def _serving(server: wsgi.Server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve, name="demo-crm", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()  # again at the end of the demo, when there is nothing left to stop
        thread.join()


def _now() -> datetime:
    return datetime.now(UTC)


def _not_yet(_environ: object, start_response: object) -> list[bytes]:
    """Return an empty response: the server is started before its application is set."""
    raise NotImplementedError
