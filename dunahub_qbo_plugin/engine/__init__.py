"""Engines, which decide when a company is drained. All that any engine does is call ``drain``."""
