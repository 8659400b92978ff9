"""The emulator put together as a Flask application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flask

from dunahub_qbo_plugin.emulator.admin import blueprint as admin
from dunahub_qbo_plugin.emulator.intuit import consent_page, oauth_endpoints
from dunahub_qbo_plugin.emulator.pages import routes as pages
from dunahub_qbo_plugin.emulator.server.foreign import refuse_foreign
from dunahub_qbo_plugin.emulator.server.middleware import ApiMiddleware

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.world.world import World


def create_app(world: World, *, local_only: bool = False) -> flask.Flask:
    """Return the whole emulator as a WSGI application.

    Args:
        world: What it answers from; changes take effect with the next request.
        local_only: True when it listens on this machine alone.
    """
    app = flask.Flask("dunahub_qbo_plugin.emulator")
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    refuse_foreign(app, local_only=local_only)
    app.register_blueprint(oauth_endpoints.blueprint(world))
    app.register_blueprint(consent_page.blueprint(world))
    app.register_blueprint(pages.blueprint(world))
    app.register_blueprint(admin.blueprint(world))
    app.wsgi_app = ApiMiddleware(app.wsgi_app, world)  # type: ignore[method-assign]  # Flask's own advice
    return app
