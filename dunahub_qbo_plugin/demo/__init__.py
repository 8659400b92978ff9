"""A small CRM for contractors that loads DunaHub plugins, and a story that is played in it.

The CRM (`store`, `bridge`, `web`) knows its plugins only through pluggy and `dunahub_hookspecs`.
`launch` starts it beside a QuickBooks emulator and hands the plugin its settings as environment
variables, as an operator would.
"""
