"""The plugin's state: the only package that speaks SQL and ciphers."""
