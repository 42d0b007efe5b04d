"""The web servers that vhostsmith knows; a new one is a module, its templates, and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from vhostsmith.servers import apache, nginx
from vhostsmith.servers.base import Kind, Server

SERVERS: Mapping[Kind, Server] = {"apache": apache.SERVER, "nginx": nginx.SERVER}
