"""A QuickBooks Online company and Intuit's OAuth on one's own machine. See README.md."""
