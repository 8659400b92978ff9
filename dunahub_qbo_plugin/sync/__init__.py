"""The sync itself: taking in, deciding, sending, settling."""
