"""What the figures mean, for README.md: one line each, in the order of the table."""

from __future__ import annotations

from typing import Final

MEANINGS: Final[tuple[tuple[str, tuple[tuple[str, str], ...]], ...]] = (
    (
        "Added to a host that has sqlmodel",
        (
            ("time and CPU to load", "what importing and registering the plugin adds to a start"),
            ("CPU of the first use", "start-up, a fresh database and one hook"),
            ("memory", "resident memory that loading adds, and the first use"),
            ("threads, files, connections", "what is open before the first use: nothing may be"),
        ),
    ),
    (
        "Inline push with python-quickbooks",
        (
            (
                "a lead",
                (
                    "how long the user waits if the host looks the customer up and creates it "
                    "within the request: QuickBooks answers at once, or takes 300 ms"
                ),
            ),
        ),
    ),
    (
        "Hook",
        (
            (
                "floor",
                (
                    "one INSERT of as many bytes and a commit, in the same database, through "
                    "SQLAlchemy Core: the least that remembering anything can cost"
                ),
            ),
            ("a lead, an invoice", "the whole hook as a host calls it, through pluggy"),
            ("CPU", "processor time of the calling thread alone"),
            (
                "lead / floor",
                (
                    "how many times the floor a hook takes; floor, lead and invoice take turns, "
                    "call by call, so that all three see the same machine"
                ),
            ),
            (
                "during a drain",
                (
                    "the same while the worker sends as fast as QuickBooks answers at 0 ms: in a "
                    "thread of the same process, which is the worst case, on cores that also run "
                    "the far side and PostgreSQL"
                ),
            ),
            ("records sent meanwhile", "how fast that drain was while hooks kept coming"),
            ("rows through memory", "hooks that met a lock for too long and gave way to it"),
            ("inline push / lead", "how much sooner the user has the page back than with a push"),
        ),
    ),
    (
        "python-quickbooks loop, and Drain",
        (
            (
                "records a second",
                (
                    "leads, invoices and payments in equal parts; the loop looks before it "
                    "creates, as it must to be safe to repeat; the best of three turns"
                ),
            ),
            ("client CPU", "processor time of the sending process for each record"),
            (
                "of it",
                (
                    "the threads that carry requests, and the one that looks what is due, commits "
                    "what will be sent before it leaves, and writes down what came of it"
                ),
            ),
            (
                "QuickBooks' side's CPU, PostgreSQL's CPU, share of all cores in use",
                (
                    "in that turn: all sides share the cores of one machine, and together they "
                    "can do no more records a second than the cores allow"
                ),
            ),
            ("requests, writes, reads", "what QuickBooks saw for each record; Intuit meters reads"),
        ),
    ),
    (
        "One company at the limit",
        (
            ("share", "how much of QuickBooks' 500 requests a minute is used while more is due"),
            ("answers 429", "how often QuickBooks had to refuse"),
            ("most requests at once", "of the ten that QuickBooks allows"),
        ),
    ),
    (
        "Wake-up",
        (
            ("drain starts", "from the hook's return until a worker takes the company"),
            ("request arrives", "from the hook's return until the far side has the request"),
        ),
    ),
    (
        "A worker killed with -9",
        (
            (
                "its companies go on after",
                (
                    "from the kill until the last company of the dead worker has its next record "
                    "in QuickBooks, sent by the other worker"
                ),
            ),
            ("longest pause", "between two records of any company that the dead one did not have"),
            ("lost, there twice", "records missing from the books at the end, or doubled"),
        ),
    ),
    (
        "Cost of a record by rows",
        (
            (
                "hook CPU, drain CPU",
                (
                    "processor time of the plugin's process for each record, with so many sent "
                    "records and their history in the tables already; sizes take turns"
                ),
            ),
            ("PostgreSQL's CPU", "the same of its processes that serve the plugin"),
            ("rows / rows", "what a record costs in the largest table, against the smallest"),
        ),
    ),
    (
        "Companies at once",
        (
            (
                "records/s",
                (
                    "from the first write to the last, with a QuickBooks that takes 100 ms; the "
                    "far side, PostgreSQL and the workers share the cores"
                ),
            ),
            ("workers' CPU", "processor time of all workers for each record"),
            ("share of all cores in use", "by workers, the far side, the database and all else"),
            ("2 workers / 1, 4 workers / 2", "grows until the cores are used up"),
        ),
    ),
)


def as_markdown() -> list[str]:
    """Return the lines of README.md."""
    lines: list[str] = []
    for section, figures in MEANINGS:
        lines += [f"**{section}**", ""]
        lines += [f"- *{name}*: {text}." for name, text in figures]
        lines.append("")
    return lines
