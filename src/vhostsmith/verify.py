"""What a client sees through the front door, held against what the backend itself says.

Each question that the backend answers too is put to both: what it does by itself is not the front
door's fault. Trust in the certificate is not judged here, only that it is the right one.
"""

from __future__ import annotations

import base64
import os
import warnings
from dataclasses import dataclass, replace

from vhostsmith import websocket
from vhostsmith.report import Check
from vhostsmith.wire import (
    Answer,
    Door,
    Fault,
    Handshake,
    Request,
    WireError,
    ask,
    fingerprint,
    handshake,
    unverified_context,
)

# Whatever a server decodes, merges or cuts short on its way into ``Location`` shows in this one.
_ODD_TARGET = "/a%2Fb%3Fc//d%20e?x=%20&y=%2F%25"
_READ_THE_LOG = "the server's error log has the reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoor:
    """Where the server listens, and the name it is asked for: a DNS name or an IP literal."""

    address: str
    http_port: int
    https_port: int
    name: str

    def public_host(self, default_port: int = 443) -> str:
        """Return the ``Host`` that a browser sends: with the port when it is not the usual one."""
        port = self.http_port if default_port == 80 else self.https_port
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if port == default_port else f"{name}:{port}"


def verify(
    front: FrontDoor,
    backend: Door | None,
    *,
    fingerprint: str | None,
    redirect_status: int | None,
    page_path: str = "/",
    websocket_path: str | None = "/",
    mount: tuple[str, str] = ("/", "/"),
    is_guarded: bool = False,
    timeout_s: float = 5.0,
) -> tuple[Check, ...]:
    """Return the checks ``tls``, ``redirect``, ``page`` and ``websocket``, in this order.

    ``fingerprint`` is the SHA-256 of the certificate that must be served. A question is left out
    where there is nothing to ask: no ``redirect_status``, no ``websocket_path`` or no ``backend``
    for it, and whatever needs TLS when no handshake succeeds. ``mount`` is the front door's prefix
    and what the backend has in its place. With ``is_guarded`` an asked-for password or a refused
    address (401, 403) is what the site wants. Each question may take ``timeout_s``.
    """
    door = Door(
        address=front.address,
        port=front.https_port,
        is_tls=True,
        server_name=front.name,
        timeout_s=timeout_s,
    )
    seen = _try_handshake(door)
    checks = [_check_tls(door, seen, fingerprint)]
    if redirect_status is not None:
        checks.append(_check_redirect(front, redirect_status, timeout_s))
    if isinstance(seen, WireError):
        return tuple(checks)
    direct = replace(backend, timeout_s=timeout_s) if backend else None
    both = _Both(front=door, direct=direct, mount=mount, is_guarded=is_guarded)
    checks.append(_check_page(both, front.public_host(), page_path))
    if websocket_path is not None and backend is not None:
        checks.append(_check_websocket(both, front.public_host(), websocket_path))
    return tuple(checks)


def _try_handshake(door: Door) -> Handshake | WireError:
    try:
        return handshake(door)
    except WireError as error:
        return error


def _check_tls(door: Door, seen: Handshake | WireError, expected: str | None) -> Check:
    if isinstance(seen, WireError):
        return _fail(
            "tls",
            f"no TLS handshake for {door.server_name} at {door}: {seen.what}",
            f"see that the server runs and listens there; {_READ_THE_LOG}",
        )
    served = fingerprint(seen.certificate_der)
    if expected is not None and _plain(expected) != _plain(served):
        return _fail(
            "tls",
            f"{door.server_name} is answered with another certificate, SHA-256 {served}",
            "another site answers for this name, or the server was not reloaded",
        )
    old = _old_tls(door)
    if old is True:
        return _fail(
            "tls",
            "TLS 1.1 is accepted",
            "raise the lowest version at the default server of this address as well: "
            "nginx before 1.29.2 takes it from there",
        )
    which = "the right certificate" if expected else f"certificate SHA-256 {served}"
    refused = "; TLS 1.1 is refused" if old is False else ""
    return _pass("tls", f"{seen.tls_version} with {which}{refused}")


def _plain(sha256: str) -> str:
    return sha256.replace(":", "").lower()


def _old_tls(door: Door) -> bool | None:
    """Tell whether a handshake with TLS 1.1 succeeds; None where it cannot be offered."""
    import ssl

    if not ssl.HAS_TLSv1_1:
        return None
    context = unverified_context()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # it is deprecated: that is the point
            context.minimum_version = ssl.TLSVersion.TLSv1_1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
    except (ssl.SSLError, ValueError):
        return None
    try:
        return handshake(door, context).tls_version == "TLSv1.1"
    except WireError as error:
        return False if error.fault in {Fault.TLS, Fault.RESET} else None


def _check_redirect(front: FrontDoor, status: int, timeout_s: float) -> Check:
    door = Door(address=front.address, port=front.http_port, timeout_s=timeout_s)
    request = Request(
        target=_ODD_TARGET,
        headers=(("Host", front.public_host(80)), ("Connection", "close")),
    )
    expected = f"https://{front.public_host()}{_ODD_TARGET}"
    try:
        answer = ask(door, request)
    except WireError as error:
        return _fail(
            "redirect",
            f"http://{front.public_host(80)} gives no answer: {error.what}",
            f"see that the server listens at {door}; {_READ_THE_LOG}",
        )
    location = answer.header("Location")
    if location is None:
        return _fail(
            "redirect",
            f"http://{front.public_host(80)} answers {answer.status} and does not redirect",
            "another virtual host may answer for this name on this port",
        )
    if location != expected:
        return _fail(
            "redirect",
            f"{_ODD_TARGET} is redirected to {location}, not to {expected}",
            "the redirect must keep the target byte for byte; "
            "another virtual host may answer for this name on this port",
        )
    if answer.status != status:
        return _fail(
            "redirect",
            f"the redirect has status {answer.status}, not {status}",
            "another virtual host may answer for this name, or the server was not reloaded",
        )
    return _pass("redirect", f"http answers {status} to the same target on https")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Both:
    """The front door and the backend behind it, for the same question to both."""

    front: Door
    direct: Door | None
    mount: tuple[str, str]
    is_guarded: bool

    def ask(
        self, target: str, headers: tuple[tuple[str, str], ...], *, host: str
    ) -> tuple[Answer | WireError, Answer | WireError | None]:
        """Return what the front door and the backend answer; the backend gets a proxy's headers."""
        request = Request(target=target, headers=(("Host", host), *headers))
        through = _try_ask(self.front, request)
        if self.direct is None:
            return through, None
        prefix, inside = self.mount
        as_proxied = (
            ("X-Forwarded-For", "127.0.0.1"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", host),
        )
        inner = inside + target.removeprefix(prefix) if target.startswith(prefix) else target
        direct = replace(request, target=inner, headers=request.headers + as_proxied)
        return through, _try_ask(self.direct, direct)


def _try_ask(door: Door, request: Request) -> Answer | WireError:
    try:
        return ask(door, request)
    except WireError as error:
        return error


def _check_page(both: _Both, host: str, path: str) -> Check:
    headers = (("User-Agent", "vhostsmith"), ("Accept", "*/*"), ("Connection", "close"))
    through, direct = both.ask(path, headers, host=host)
    what = f"GET {path}"
    return _compare("page", what, through, direct, is_guarded=both.is_guarded)


def _check_websocket(both: _Both, host: str, path: str) -> Check:
    key = base64.b64encode(os.urandom(16)).decode("ascii")
    headers = (
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Origin", f"https://{host}"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
    )
    through, direct = both.ask(path, headers, host=host)
    what = f"a WebSocket handshake at {path}"
    if isinstance(through, Answer) and through.status == 101:
        if through.header("Sec-WebSocket-Accept") != websocket.accept_key(key):
            return _fail(
                "websocket",
                f"{what} is answered 101 with a wrong Sec-WebSocket-Accept",
                "something between here and the backend answers in its place",
            )
        return _pass("websocket", f"{what} succeeds")
    if isinstance(direct, Answer) and direct.status == 101:
        if both.is_guarded and isinstance(through, Answer) and through.status in {401, 403}:
            return _pass("websocket", _guarded(what, through.status))
        got = f"answers {through.status}" if isinstance(through, Answer) else through.what
        return _fail(
            "websocket",
            f"the backend accepts {what}, the front door does not: {got}",
            "the virtual host must pass on Upgrade and Connection "
            "(Apache from 2.4.47 on: ProxyPass … upgrade=websocket; nginx: proxy_set_header)",
        )
    return _compare("websocket", what, through, direct, is_guarded=both.is_guarded)


def _compare(
    name: str,
    what: str,
    through: Answer | WireError,
    direct: Answer | WireError | None,
    *,
    is_guarded: bool,
) -> Check:
    """Judge two answers to the same question: only what the front door alone does wrong fails."""
    if isinstance(through, WireError):
        detail = f"{what} gets no answer through the front door: {through.what}"
        return _fail(name, detail, _READ_THE_LOG)
    status = through.status
    if is_guarded and status in {401, 403}:
        return _pass(name, _guarded(what, status))
    if isinstance(direct, WireError):
        return Check(
            name=name,
            outcome="warn",
            detail=f"the backend at {direct.where} gives no answer: {direct.what}; "
            f"the front door answers {status}",
            remedy="start the backend; the front door needs no change",
        )
    if direct is None:
        detail = f"{what}: {status}"
        return _fail(name, detail, _READ_THE_LOG) if status >= 500 else _pass(name, detail)
    return _compare_statuses(name, what, status, direct.status)


def _compare_statuses(name: str, what: str, through: int, direct: int) -> Check:
    if through == direct:
        return _pass(name, f"{what}: {through}, as the backend itself answers")
    both = f"{what}: {through} through the front door, {direct} from the backend itself"
    if through < 400:
        return _pass(name, both)
    if through >= 500 and direct >= 500:
        return Check(name=name, outcome="warn", detail=both, remedy="mend the backend first")
    return _fail(name, both, _remedy_for(through))


def _remedy_for(status: int) -> str:
    match status:
        case 502 | 503 | 504:
            return f"see that the backend's scheme, host and port are right; {_READ_THE_LOG}"
        case 421:
            return "the server takes the name in the request for another site's"
    return _READ_THE_LOG


def _guarded(what: str, status: int) -> str:
    guard = "a password is asked for" if status == 401 else "this address is refused"
    return f"{what}: {status}, {guard} as the site says"


def _pass(name: str, detail: str) -> Check:
    return Check(name=name, outcome="pass", detail=detail)


def _fail(name: str, detail: str, remedy: str) -> Check:
    return Check(name=name, outcome="fail", detail=detail, remedy=remedy)
