"""Read-only queries over records, for pages, commands and figures."""
