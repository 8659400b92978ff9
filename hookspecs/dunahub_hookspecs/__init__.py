"""The contract between DunaHub and its plugins: hooks, values, settings records, host helpers.

It needs attrs and pluggy only. A host imports `dunahub_hookspecs.host` besides; a plugin needs
what stands here.
"""

from dunahub_hookspecs.markers import PROJECT, hookimpl, hookspec
from dunahub_hookspecs.notices import Audience, Notice
from dunahub_hookspecs.settings import (
    Action,
    ActionRequest,
    Download,
    Host,
    RecordCard,
    Redirect,
    SettingsPanel,
    SettingsRequest,
)
from dunahub_hookspecs.specs import DunaHubSpecs
from dunahub_hookspecs.values import (
    Address,
    Invoice,
    InvoiceSource,
    InvoiceStatus,
    Lead,
    LineItem,
    Organization,
    Payment,
    PaymentMethod,
    Person,
    RecordKind,
    Region,
    round_cents,
)

__all__ = [
    "PROJECT",
    "Action",
    "ActionRequest",
    "Address",
    "Audience",
    "Download",
    "DunaHubSpecs",
    "Host",
    "Invoice",
    "InvoiceSource",
    "InvoiceStatus",
    "Lead",
    "LineItem",
    "Notice",
    "Organization",
    "Payment",
    "PaymentMethod",
    "Person",
    "RecordCard",
    "RecordKind",
    "Redirect",
    "Region",
    "SettingsPanel",
    "SettingsRequest",
    "hookimpl",
    "hookspec",
    "round_cents",
]
