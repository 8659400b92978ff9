"""The CRM's pages. Imports Flask; nothing else of the CRM does."""
