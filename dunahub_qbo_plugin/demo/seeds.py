"""The organizations, people and services that a new demo starts with."""

from __future__ import annotations

from decimal import Decimal

from dunahub_qbo_plugin.demo.records import Company, Member, Service

GUTTERS = "blue-ridge-gutters"
HVAC = "front-range-hvac"
BRAZIL = "calhas-parana"

COMPANIES = (
    Company(id=GUTTERS, name="Blue Ridge Gutters", region="US", timezone="America/New_York"),
    Company(id=HVAC, name="Front Range Heating & Air", region="US", timezone="America/Denver"),
    Company(id=BRAZIL, name="Calhas Paraná", region="BR", timezone="America/Sao_Paulo"),
)

MEMBERS = (
    Member(
        id="dana",
        org_id=GUTTERS,
        name="Dana Whitfield",
        email="dana@blueridgegutters.example",
        role="Office manager",
    ),
    Member(
        id="marcus",
        org_id=GUTTERS,
        name="Marcus Reed",
        email="marcus@blueridgegutters.example",
        role="Owner",
    ),
    Member(
        id="priya",
        org_id=HVAC,
        name="Priya Natarajan",
        email="priya@frontrangehvac.example",
        role="Office manager",
    ),
    Member(
        id="joao",
        org_id=BRAZIL,
        name="João Ferreira",
        email="joao@calhasparana.example",
        role="Gerente",
    ),
)

_GUTTER_SERVICES = (
    Service(
        id="gutter-install",
        name="Gutter Installation",
        unit_price=Decimal("14.50"),
        description='6" seamless aluminum gutter, per linear foot',
    ),
    Service(
        id="downspout",
        name="Downspout Installation",
        unit_price=Decimal("95.00"),
        description='3" x 4" downspout with elbows and straps',
    ),
    Service(
        id="gutter-guard",
        name="Gutter Guards",
        unit_price=Decimal("8.75"),
        description="Micro-mesh guard, per linear foot",
    ),
    Service(
        id="gutter-cleaning",
        name="Gutter Cleaning",
        unit_price=Decimal("185.00"),
        description="Cleaning and flush, single story",
    ),
    Service(
        id="gutter-repair",
        name="Gutter Repair",
        unit_price=Decimal("125.00"),
        description="Repair labor, per hour",
    ),
)

_HVAC_SERVICES = (
    Service(
        id="tune-up",
        name="HVAC Tune-up",
        unit_price=Decimal("129.00"),
        description="Spring maintenance visit",
    ),
    Service(
        id="hvac-repair",
        name="HVAC Repair",
        unit_price=Decimal("115.00"),
        description="Diagnosis and repair, per hour",
    ),
    Service(
        id="filter",
        name="Filter Replacement",
        unit_price=Decimal("24.95"),
        description="MERV 11 filter, 16 x 25",
        taxable=True,
    ),
)

SERVICES = {GUTTERS: _GUTTER_SERVICES, HVAC: _HVAC_SERVICES, BRAZIL: _GUTTER_SERVICES}


def members(org_id: str) -> tuple[Member, ...]:
    """Return the people of one organization."""
    return tuple(member for member in MEMBERS if member.org_id == org_id)


def member(member_id: str) -> Member | None:
    """Return one person, None when there is none of that id."""
    return next((someone for someone in MEMBERS if someone.id == member_id), None)


def services(org_id: str) -> tuple[Service, ...]:
    """Return what an organization sells."""
    return SERVICES.get(org_id, ())
