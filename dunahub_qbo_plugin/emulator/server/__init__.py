"""The emulator as a WSGI application, on a port or in process."""
