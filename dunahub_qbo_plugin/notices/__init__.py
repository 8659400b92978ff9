"""Tell the host that a person is needed, and that it is over."""
