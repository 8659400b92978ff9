"""Connect and disconnect a company, keep its tokens, its profile and its region."""
