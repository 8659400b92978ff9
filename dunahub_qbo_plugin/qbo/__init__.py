"""QuickBooks Online and Intuit's OAuth over HTTP: the only layer that speaks either."""
