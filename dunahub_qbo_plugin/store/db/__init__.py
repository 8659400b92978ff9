"""Databases: SQLite, PostgreSQL, forks, compiled statements, errors, encryption."""
