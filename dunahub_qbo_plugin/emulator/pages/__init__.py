"""Pages that show the books in a browser."""
