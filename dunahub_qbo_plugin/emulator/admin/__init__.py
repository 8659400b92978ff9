"""Administration of a running emulator over HTTP."""
