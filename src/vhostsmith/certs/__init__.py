"""Certificates: made, read, and kept on disk."""
