"""Helpers of the client."""
