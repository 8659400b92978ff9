"""A QuickBooks Online company and Intuit's OAuth on one's own machine. See README.md."""

from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings
from dunahub_qbo_plugin.emulator.emulator import Emulator
from dunahub_qbo_plugin.emulator.server.app import create_app
from dunahub_qbo_plugin.emulator.server.run_options import RunOptions
from dunahub_qbo_plugin.emulator.server.serve import RunningEmulator, run, serve
from dunahub_qbo_plugin.emulator.world.directory import (
    DEFAULT_CLIENT_ID,
    DEFAULT_CLIENT_SECRET,
    OAuthApp,
    User,
)
from dunahub_qbo_plugin.emulator.world.grants import OAuthSettings
from dunahub_qbo_plugin.emulator.world.throttle import ThrottleSettings
from dunahub_qbo_plugin.emulator.world.trouble import TroubleRule
from dunahub_qbo_plugin.emulator.world.world import SEEDS, ServiceSettings, World

__all__ = [
    "DEFAULT_CLIENT_ID",
    "DEFAULT_CLIENT_SECRET",
    "SEEDS",
    "CompanySettings",
    "Emulator",
    "OAuthApp",
    "OAuthSettings",
    "RunOptions",
    "RunningEmulator",
    "ServiceSettings",
    "ThrottleSettings",
    "TroubleRule",
    "User",
    "World",
    "create_app",
    "run",
    "serve",
]
