"""Looking at what arrived: compare with QuickBooks, add a month up, write CSV. Read-only."""
