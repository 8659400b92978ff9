"""Who runs the drains. Whatever engine it is, all it does is call ``drain(company)``."""
