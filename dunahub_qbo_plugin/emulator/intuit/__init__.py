"""Intuit's OAuth 2.0 server and its consent page."""
