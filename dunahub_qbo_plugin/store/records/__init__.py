"""Everything that changes a record's row."""
