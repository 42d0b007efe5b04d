"""From a name and a port to an HTTPS site on your own Apache or nginx."""

__version__ = "0.1.0"
