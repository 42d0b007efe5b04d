"""Mozilla's guideline and the server's abilities, reduced to what a template writes down."""

from __future__ import annotations

import json
from dataclasses import dataclass

from vhostsmith.errors import InputError
from vhostsmith.model import Guideline

GUIDELINE_VERSION = "6.0"
_HYBRID_GROUP = "X25519MLKEM768"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPolicy:
    """What the TLS directives of a site say.

    ``protocols`` are ``TLSv1.2`` and ``TLSv1.3`` or the latter alone; ``ciphers`` are OpenSSL's
    names for TLS 1.2, empty when it is off (the suites of TLS 1.3 are OpenSSL's own default);
    ``groups`` are key exchange groups, most wanted first.
    """

    protocols: tuple[str, ...]
    ciphers: tuple[str, ...]
    groups: tuple[str, ...]
    prefer_server_order: bool


def policy(
    guideline_text: str, guideline: Guideline, *, has_tls13: bool, has_mlkem: bool
) -> TlsPolicy:
    """Return the policy of ``guideline`` in Mozilla's JSON, as far as the server can follow it.

    The hybrid group with ML-KEM needs OpenSSL 3.5: with an older one nginx refuses its
    configuration and Apache passes its configtest and dies. Without TLS 1.3 (Apache before 2.4.36)
    intermediate falls back to TLS 1.2; modern allows nothing else and is refused with InputError.
    """
    configuration = json.loads(guideline_text)["configurations"][guideline]
    protocols = tuple(p for p in configuration["tls_versions"] if has_tls13 or p != "TLSv1.3")
    if not protocols:
        raise InputError(
            f"the guideline {guideline!r} allows only TLS 1.3, which this server does not know",
            remedy="use --tls intermediate, or a newer server",
        )
    groups = tuple(g for g in configuration["tls_curves"] if has_mlkem or g != _HYBRID_GROUP)
    return TlsPolicy(
        protocols=protocols,
        ciphers=tuple(configuration["ciphers"]["openssl"]) if "TLSv1.2" in protocols else (),
        groups=groups,
        prefer_server_order=bool(configuration["server_preferred_order"]),
    )
