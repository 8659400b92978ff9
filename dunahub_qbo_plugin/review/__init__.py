"""Review what was sent: compare with QuickBooks, totals by month, CSV. Read-only."""
