"""What stands in front of the API: authentication, limits, trouble."""
