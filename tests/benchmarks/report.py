"""Figures, and how they are printed and written down."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from tests.benchmarks import profiles
from tests.benchmarks.meanings import as_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent


@attrs.frozen(kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        section: what it belongs to.
        name: what was measured.
        value: the number.
        unit: of the number.
        target: what it is to reach, in words; empty where there is none.
        met: whether it does; None where there is no target.
        note: how it was measured, where that is not plain.
    """

    section: str
    name: str
    value: float
    unit: str
    target: str = ""
    met: bool | None = None
    note: str = ""


class Report:
    """Collects figures and tells the progress."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.notes: list[str] = []
        self.seconds: dict[str, float] = {}
        """How long each part took."""
        self.profiles: dict[str, dict[str, dict[str, float]]] = {}
        """What was watched to the share of each library in its processor time, by section."""
        self._section = ""

    def section(self, name: str) -> None:
        """Begin a section."""
        self._section = name
        self.progress(name)

    @staticmethod
    def progress(text: str) -> None:
        """Say what is going on, on stderr."""
        sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
        sys.stderr.flush()

    def add(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        most: float | None = None,
        least: float | None = None,
        note: str = "",
    ) -> None:
        """Add a figure, and judge it where it has a target."""
        target, met = "", None
        if most is not None:
            target, met = f"at most {most:g}", value <= most
        elif least is not None:
            target, met = f"at least {least:g}", value >= least
        self.figures.append(
            Figure(
                section=self._section,
                name=name,
                value=value,
                unit=unit,
                target=target,
                met=met,
                note=note,
            )
        )
        self.progress(f"  {name}: {number(value)} {unit}{_verdict(met)}")

    def table(self) -> str:
        """Return all figures as one Markdown table, aligned to be read as text."""
        rows = [("", "Figure", "Measured", "Target", "")]
        section = ""
        for figure in self.figures:
            heading = figure.section if figure.section != section else ""
            section = figure.section
            value = f"{number(figure.value)} {figure.unit}".strip()
            verdict = {True: "met", False: "**missed**", None: ""}[figure.met]
            name = f"{figure.name} ({figure.note})" if figure.note else figure.name
            rows.append((heading, name, value, figure.target, verdict))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            "| "
            + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
            + " |"
            for row in rows
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(lines)

    def as_json(self) -> str:
        """Return everything for a script."""
        return json.dumps(
            {
                "machine": machine(),
                "notes": self.notes,
                "seconds": {name: round(taken) for name, taken in self.seconds.items()},
                "profiles": self.profiles,
                "figures": [attrs.asdict(figure) for figure in self.figures],
            },
            indent=2,
        )

    def write(self, command: str) -> Path:
        """Write README.md beside this file."""
        told = machine()
        judged = [figure.met for figure in self.figures if figure.met is not None]
        lines = [
            "# Benchmarks",
            "",
            f"Written by `{command}` on {told['date']}.",
            f"{sum(judged)} of {len(judged)} targets were met.",
            "",
            "Everything is measured in one run on one machine, and what is compared takes turns.",
            "QuickBooks is the emulator, in a process of its own on a port. Ratios are of medians",
            "unless a percentile is named. `--quick` takes a few minutes and `--only` one part;",
            "neither touches this file.",
            "",
            *(f"- {name}: {value}" for name, value in told.items() if name != "date"),
            "- seconds for each part: "
            + ", ".join(f"{name} {taken:.0f}" for name, taken in self.seconds.items()),
            *(f"- {note}" for note in self.notes),
            "",
            "## Figures",
            "",
            self.table(),
            "",
            *self._where_time_goes(),
            "## What they mean",
            "",
            *as_markdown(),
        ]
        path = HERE / "README.md"
        path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
        return path

    def _where_time_goes(self) -> list[str]:
        if not self.profiles:
            return []
        return [
            "## Where the time goes",
            "",
            "Shares of the client's processor time, all threads, under Python's profiler, which",
            "makes calls dearer than they are. A record costs the loop two requests, and it",
            "remembers nothing. It costs a drain one request, and the database: finding what is",
            "due, committing what will be sent, writing down what came of it.",
            "",
            *(
                line
                for told in self.profiles.values()
                for line in [*profiles.as_markdown(told), ""]
            ),
        ]


def machine() -> dict[str, Any]:
    """Say what was measured on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text("utf-8").splitlines() if "model name" in line]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg()) if hasattr(os, "getloadavg") else "?"
    packages = ("sqlalchemy", "httpx", "psycopg", "procrastinate", "python-quickbooks")
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "machine": f"{os.cpu_count()} cores, {cpu}, {platform.system()} {platform.release()}",
        "load of the machine (1, 5, 15 minutes, at the end)": load,
        "versions": f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {metadata.version(name)}" for name in packages),
    }


def number(value: float) -> str:
    """Write a number with three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def _verdict(met: bool | None) -> str:  # noqa: FBT001  it is the only thing told
    return {True: "", False: "  <- missed", None: ""}[met]
