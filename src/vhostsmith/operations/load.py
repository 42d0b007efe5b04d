"""From files and the environment to core values: directories, templates, facts, places."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vhostsmith import host
from vhostsmith.errors import InputError, MachineError
from vhostsmith.model import Site
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Kind, Places, ServerFacts, parse_version

if TYPE_CHECKING:
    from vhostsmith.explanation import Explanation
    from vhostsmith.templating import Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Directories:
    """The two directories that are ours; absolute paths."""

    config: str = "/etc/vhostsmith"
    state: str = "/var/lib/vhostsmith"


def directories(config: str | None, state: str | None, environ: Mapping[str, str]) -> Directories:
    """Return the directories from the options, else from the environment, else the usual ones."""
    default = Directories()
    return Directories(
        config=os.path.abspath(config or environ.get("VHOSTSMITH_CONFIG") or default.config),
        state=os.path.abspath(state or environ.get("VHOSTSMITH_STATE") or default.state),
    )


def template_sources(where: Directories, kind: Kind) -> Sources:
    """Return a server's templates: the packaged, each replaced by one of CONFIG_DIR/templates."""
    sources = dict(_read_tree(_packaged_templates(), kind))
    own = Path(where.config, "templates")
    if own.is_dir():
        for path in (own, *own.rglob("*")):
            host.require_root_only(str(path))
        sources.update(_read_tree(own, kind))
    return sources


def guideline_text() -> str:
    """Return Mozilla's guideline as packaged."""
    return Path(__file__, "..", "..", "guidelines", "mozilla-6.0.json").resolve().read_text("utf-8")


def explanations(kind: Kind) -> Mapping[str, Explanation]:
    """Return why each directive of a server's templates is there, as packaged."""
    from vhostsmith import explanation

    path = Path(__file__, "..", "..", "explanations", f"{kind}.toml").resolve()
    return explanation.load(path.read_text("utf-8"))


def facts_from_file(path: str) -> tuple[tuple[ServerFacts, ...], Kind | None]:
    """Read what ``probe`` printed; raises InputError."""
    from vhostsmith import facts

    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise InputError(f"cannot read the facts: {error}", where=path) from error
    return facts.load(text, where=path)


def probe_machine(machine: host.Machine, kind: Kind | None = None) -> tuple[ServerFacts, ...]:
    """Return the facts of the installed servers, Apache first; ``kind`` asks for one alone."""
    found = []
    for server in SERVERS.values():
        if kind not in {None, server.kind}:
            continue
        for layout in server.layouts:
            facts = server.probe(machine, layout)
            if facts is not None:
                found.append(facts)
                break
    return tuple(found)


def listening_kind() -> Kind | None:
    """Return the server that listens on port 80 or 443, if it is one that we know."""
    programs = host.listening_programs((80, 443))
    if programs & {"apache2", "httpd"}:
        return "apache"
    return "nginx" if "nginx" in programs else None


def with_version(facts: ServerFacts, text: str | None) -> ServerFacts:
    """Return the facts with another version, as ``--server-version`` asks for."""
    import dataclasses

    return facts if text is None else dataclasses.replace(facts, version=parse_version(text))


def places(site: Site, where: Directories, facts: ServerFacts) -> Places:
    """Return where the site's files lie on the machine that the facts describe."""
    live = f"{where.state}/live/{site.name.stem}"
    source = site.certificate
    return Places(
        certificate=source.cert or f"{live}/fullchain.pem",
        key=source.key or f"{live}/privkey.pem",
        challenges=f"{where.state}/challenges",
        pins=f"{where.state}/backends/{site.name.stem}",
        logs=facts.layout.logs,
        ca_bundle=facts.layout.ca_bundle,
        trusted=source.kind != "self-signed",
    )


def _packaged_templates() -> Path:
    package = Path(__file__).resolve().parent.parent
    packaged = package / "templates"
    return packaged if packaged.is_dir() else package.parent.parent / "templates"


def _read_tree(root: Path, kind: Kind) -> list[tuple[str, tuple[str, str]]]:
    found = []
    for path in sorted((root / kind).rglob("*.j2")):
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeError) as error:
            raise MachineError(f"cannot read the template: {error}", where=str(path)) from error
        found.append((path.relative_to(root).as_posix(), (str(path), text)))
    return found
