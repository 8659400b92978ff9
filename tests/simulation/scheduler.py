"""One thread at a time, in an order that a number decides, under a clock that only it moves.

Promises that the same number gives the same run, step by step. Promises that whatever runs was
chosen here, and that a process that was killed does nothing any more.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import greenlet

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICK = 0.001
"""Seconds that each step takes."""
LONG = 20.0
"""A wait from which on what is about to leave for QuickBooks is let go first. Between the look at
the fence and the request nobody can hold a worker to anything: the promise is for pauses that are
shorter there than QuickBooks remembers a request."""
KILLED_AT = {
    "begin": "killed before a transaction",
    "within": "killed within a transaction",
    "committed": "killed after a commit",
    "fence": "killed before its look",
    "> POST": "killed before a request left",
    "< 200": "killed before it heard of an answer",
    "host's transaction": "killed within a host's transaction",
}
MOST_STEPS = 30_000
"""Steps after which a run is said to go round in circles."""


class Killed(BaseException):
    """The process is no more; nothing that is written for errors may catch it."""


class Stuck(Exception):
    """A run did not come to an end."""


@attrs.define(eq=False)
class Life:
    """Whether a process still runs; its tasks end when it ends."""

    name: str
    dead: bool = False


@attrs.define(eq=False)
class Task:
    """One thread of one process.

    Attributes:
        life: of its process.
        request: it serves a request to a host.
        ready: tells whether it can go on; None when it can.
        deadline: monotonic moment at which it goes on in any case.
        at: the point that it waits at.
        leaving: it has looked and is about to send.
        looked: the step at which it last looked whose the company is; None once it has sent.
    """

    name: str
    life: Life
    fiber: greenlet.greenlet
    request: bool = False
    ready: Callable[[], bool] | None = None
    deadline: float | None = None
    at: str = ""
    leaving: bool = False
    looked: int | None = None
    done: bool = False


@attrs.frozen
class Crash:
    """A thread that an exception ended."""

    task: str
    error: BaseException


class Scheduler:
    """Runs tasks in turn. `point` is where a task may have to wait for others.

    Args:
        seed: of the order.
        stickiness: how likely a task goes on at once after a point, 0 to 1.

    Attributes:
        monotonic: seconds of true time; they only grow.
        offset: how wrong the machines' clock is, seconds.
        steps: how often somebody was chosen.
        crashes: threads that ended with an exception.
        set_back: when the machines' clock was set back.
        reached: states that the run came through, for telling a tame simulation.
    """

    def __init__(self, seed: str, *, stickiness: float) -> None:
        self.dice = random.Random(f"{seed}/order")  # noqa: S311  replayable, not secret
        self.stickiness = stickiness
        self.monotonic = 1000.0
        self.offset = 0.0
        self.steps = 0
        self.crashes: list[Crash] = []
        self.reached: set[str] = set()
        self.set_back: list[float] = []
        self._main = greenlet.getcurrent()
        self._tasks: list[Task] = []
        self._last: Task | None = None
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._trace = hashlib.sha256()
        self.story: list[str] | None = None
        """What happened, in words, where somebody wants to read it."""

    # For tasks.

    @property
    def current(self) -> Task | None:
        """The task that runs, None outside of all."""
        running = greenlet.getcurrent()
        return next((task for task in self._tasks if task.fiber is running), None)

    def point(self, label: str, *, leaving: bool = False) -> None:
        """Let others go on first, if the order says so."""
        self._pause(label, None, None, leaving=leaving)

    def wait(self, label: str, ready: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until something holds, or for so many seconds; gives whether it holds."""
        if not ready():
            deadline = None if timeout is None else self.monotonic + max(timeout, 0.0)
            self._pause(label, ready, deadline)
        return ready()

    def _pause(
        self,
        label: str,
        ready: Callable[[], bool] | None,
        deadline: float | None,
        *,
        leaving: bool = False,
    ) -> None:
        task = self.current
        if task is None:
            if ready is not None:
                raise Stuck(f"nobody can end this wait: {label}")
            return
        if task.life.dead:
            raise Killed
        self.note(f"{task.name} {label}")
        task.ready, task.deadline, task.leaving, task.at = ready, deadline, leaving, label
        self._main.switch()
        if task.life.dead:
            raise Killed

    # For whoever leads the run.

    def note(self, text: str) -> None:
        """Add to the trace, by which two runs are compared."""
        self._trace.update(text.encode())
        if self.story is not None:
            self.story.append(f"{self.steps:5} {self.monotonic - 1000:10.3f} {text}")

    @property
    def digest(self) -> str:
        """The trace so far, as a short text."""
        return self._trace.hexdigest()[:16]

    def now(self) -> datetime:
        """Return the true moment."""
        return START + timedelta(seconds=self.monotonic - 1000.0)

    def spawn(
        self, name: str, life: Life, run: Callable[[], Any], *, request: bool = False
    ) -> Task:
        """Add a task, which may be a request to a host; it begins when it is chosen."""
        task = Task(name, life, greenlet.greenlet(None, parent=self._main), request)

        def body() -> None:
            try:
                if not life.dead:
                    run()
            except Killed:
                pass
            except BaseException as error:  # noqa: BLE001  told at the end of the run
                self.crashes.append(Crash(task.name, error))
            finally:
                task.done = True

        task.fiber.run = body
        self._tasks.append(task)
        return task

    def kill(self, life: Life) -> None:
        """End a process where it stands."""
        self.note(f"kill {life.name}")
        life.dead = True
        for task in [task for task in self._tasks if task.life is life]:
            self.reached |= {state for mark, state in KILLED_AT.items() if mark in task.at}
            if task.fiber:
                task.fiber.throw(Killed)
            task.done = True
        self._tasks = [task for task in self._tasks if not task.done]

    def at(self, seconds: float, happens: Callable[[], None]) -> None:
        """Have something happen after so many seconds, exactly then."""
        heapq.heappush(self._timers, (self.monotonic + seconds, next(self._numbers), happens))

    def step(self) -> bool:
        """Let one task go on; False when nobody can."""
        ready = [task for task in self._tasks if self._can_go_on(task)]
        if not ready:
            return False
        last = self._last
        if last is None or last not in ready or self.dice.random() >= self.stickiness:
            last = ready[self.dice.randrange(len(ready))]
        self._resume(last)
        return True

    def idle(self, most: float = 0.0) -> bool:
        """Move on to when somebody can go on again, or a little further; False if nobody will.

        Args:
            most: seconds that may pass beyond that, as on a busy machine.
        """
        moments = [task.deadline for task in self._tasks if task.deadline is not None]
        moments += [moment for moment, _, _ in self._timers[:1]]
        if not moments:
            return False
        wait = max(min(moments) - self.monotonic, 0.0) + TICK
        self.advance(wait + (self.dice.random() * most if most else 0.0))
        return True

    def advance(self, seconds: float) -> None:
        """Let time pass while nobody is chosen."""
        if seconds > LONG:
            for task in [task for task in self._tasks if task.leaving]:
                if self._can_go_on(task):
                    self._resume(task)
        until = self.monotonic + seconds
        self._run_timers(until)
        self.monotonic = max(until, self.monotonic)

    def turn_clock(self, seconds: float) -> None:
        """Set the machines' clock forward or back; true time does not move."""
        self.note(f"clock {seconds:+}")
        if seconds < 0:
            self.reached.add("the clock was set back")
            self.set_back.append(self.monotonic)
        self.offset += seconds

    def was_set_back(self, *, within: float) -> bool:
        """Return whether the machines' clock was set back so few seconds ago."""
        return any(self.monotonic - moment <= within for moment in self.set_back)

    def doing(self, what: str) -> bool:
        """Return whether some process has a task of that name."""
        return any(task.name.endswith(f".{what}") for task in self._tasks)

    def serves(self, life: Life) -> bool:
        """Return whether a request of a process is under way."""
        return any(task.life is life and task.request for task in self._tasks)

    def waiting(self) -> list[str]:
        """Name the tasks there are."""
        return [task.name for task in self._tasks]

    def _can_go_on(self, task: Task) -> bool:
        if task.deadline is not None and task.deadline <= self.monotonic:
            return True
        return task.ready is None or task.ready()

    def _resume(self, task: Task) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Stuck(f"it goes round in circles: {task.name}")
        self._run_timers(self.monotonic + TICK)
        self.monotonic += TICK
        self._last = task
        task.ready, task.deadline, task.leaving = None, None, False
        task.fiber.switch()
        if task.done and task in self._tasks:
            self._tasks.remove(task)

    def _run_timers(self, until: float) -> None:
        while self._timers and self._timers[0][0] <= until:
            moment, _, happens = heapq.heappop(self._timers)
            self.monotonic = max(self.monotonic, moment)
            happens()


class SimClock:
    """A machine's clock, as the plugin sees it (`dunahub_qbo_plugin.clock.Clock`)."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def now(self) -> datetime:
        """Return the moment that the machine takes for the present."""
        return self._scheduler.now() + timedelta(seconds=self._scheduler.offset)

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return self._scheduler.monotonic

    def sleep(self, seconds: float) -> None:
        """Let others go on for so long."""
        self._scheduler.wait("sleep", lambda: False, seconds)
