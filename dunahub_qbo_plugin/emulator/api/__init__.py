"""The Accounting API of one company: operations, queries, batches, CDC."""
