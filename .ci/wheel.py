"""Looks at an installed wheel from outside the checkout, as a host's machine has it.

Run with ``base`` after a plain install, with ``extras`` after one with the extras.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

BASE = {"alembic", "attrs", "authlib", "cryptography", "httpx", "jinja2", "pluggy", "sqlmodel"}
OF_EXTRAS = {"cheroot", "flask", "procrastinate", "psycopg", "typer"}
TESTS = {"hypothesis", "mypy", "playwright", "pytest", "ruff"}


def installed() -> set[str]:
    """Return the names of all distributions."""
    return {each.metadata["Name"].lower() for each in metadata.distributions()}


def check_base() -> None:
    """Both packages are there and typed, the plugin is found, and no test tool came along."""
    import dunahub_hookspecs
    import dunahub_qbo_plugin
    from dunahub_hookspecs.host import create_plugin_manager

    for package in (dunahub_hookspecs, dunahub_qbo_plugin):
        assert "site-packages" in str(package.__file__), package.__file__
        assert resources.files(package).joinpath("py.typed").is_file()
    manager = create_plugin_manager()
    assert manager.get_plugin("quickbooks") is not None
    manager.check_pending()
    assert installed() >= BASE, BASE - installed()
    assert not installed() & TESTS, installed() & TESTS
    templates = resources.files("dunahub_qbo_plugin.panel").joinpath("templates")
    assert any(each.name.endswith(".html") for each in templates.iterdir())


def check_command(*arguments: str, code: int, words: str) -> None:
    """A command ends with a status and says something."""
    script = Path(sys.executable).with_name("dunahub-qbo")
    done = subprocess.run([script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code, done
    assert words in done.stdout + done.stderr, done


match sys.argv[1]:
    case "base":
        check_base()
        assert not installed() & OF_EXTRAS, installed() & OF_EXTRAS
        check_command("--help", code=2, words='pip install "dunahub-qbo-plugin[cli]"')
    case "extras":
        check_base()
        check_command("--help", code=0, words="generate-key")
        check_command("generate-key", code=0, words="=")
        check_command("migrate", code=0, words="up to date")
        check_command("demo", "--once", "--json", code=0, words='"in_books": 1')
print("ok:", *sys.argv[1:])
