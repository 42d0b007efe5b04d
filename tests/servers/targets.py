"""Request targets that are hard to pass on, and the one place where a server does not."""

from __future__ import annotations

EXACT = (
    "/",
    "/a%20b",
    "/%E4%B8%AD",
    "/ünï%20中文",
    "/a%3Fb",
    "/a%23b",
    "/a;x=1",
    "/a%5Cb",
    "/x?q=%2F",
    "/a%2Fb",
    "/a%2fb",
    "/a%252Fb",
    "/a%25b",
    "/100%25",
    "/a//b",
    "/a/./x/../y",
    "/p/%2e%2e/y",
    "/[x]{y}|z",
    "/x?a?b",
    "/x?",
    "/%0d%0a",
    "/a+b&c=d",
    "/'\"<>^`",
    "/\udcff",
    "/?x=1&y=%2F%3F%20",
    "/x?../y",
)

# Below a path of its own, where ".." must not lead out of it; each as the rest after the prefix.
INSIDE = (
    "",
    "a%20b",
    "%E4%B8%AD",
    "ünï%20中文",
    "a%3Fb",
    "a%23b",
    "a;x=1",
    "a%5Cb",
    "a%2Fb",
    "a%252Fb",
    "100%25",
    "a//b",
    "a/./x",
    "[x]{y}|z",
    "%0d%0a",
    "?q=%2F",
    "x?",
    "x?a?b",
    "?x=../y",
    "q?x=%2F..%2Fy",
    "a..b",
    "..a",
    "a../b",
    "%2e%2e.txt",
    ".../x",
    "+&'\"<>^`",
    "\udcff",
)

# What leads out of a path, in every spelling that a backend may resolve.
OUTWARD = (
    "{p}../secret",
    "{p}..",
    "{p}..?x",
    "{p}%2e%2e/secret",
    "{p}.%2E/secret",
    "{p}..%2fsecret",
    "{p}..%2Fsecret",
    "{p}%2e%2e%2fsecret",
    "{p}..%5csecret",
    "{p}..\\secret",
    "{p}..;/secret",
    "{p}..%3b/secret",
    "{p}a/..%2f..%2fsecret",
    "{p}a/../../secret",
    "{p}a/%2e%2e/%2e%2e/secret",
    "{p}a%2f..%2f..%2fsecret",
    "{p}a/../b",
    "{p}x%5c..%5c..%5csecret",
    "/x/..{p}../secret",
    "/x/..%2f{p}..%2fsecret",
)

# Where the servers differ, and neither is wrong: Apache finds the route by the path that it has
# decoded (but for %2F) and resolved, nginx by one that is wholly decoded, and takes no target that
# names the route in another spelling. Each as (target, Apache, nginx), as "status" or "app target".
DIFFERENT = (
    ("/jup/..%2fsecret", "400", "root /jup/..%2fsecret"),
    ("/jup/a/..%2f..%2fsecret", "400", "root /jup/a/..%2f..%2fsecret"),
    ("/app.v1/%2e%2e%2fsecret", "400", "root /app.v1/%2e%2e%2fsecret"),
    ("/%6aup/ok", "kept /jup/ok", "400"),
    ("//jup/y", "kept /jup/y", "400"),
    ("/./jup/y", "kept /jup/y", "400"),
    ("/%61pp.v1/ok", "stripped /ok", "400"),
    ("/x/..%2fjup/y", "root /x/..%2fjup/y", "400"),
    ("/jup%2fy", "root /jup%2fy", "400"),
    ("/..%2fx", "root /..%2fx", "400"),
    ("/jup//a", "kept /jup/a", "kept /jup//a"),
    ("/app.v1//a", "stripped /a", "stripped //a"),
)

# Where they agree, and what comes of it.
ALIKE = (
    ("/jup/../secret", "root /jup/../secret"),
    ("/jup/%2e%2e/secret", "root /jup/%2e%2e/secret"),
    ("/app.v1/a/../../secret", "root /app.v1/a/../../secret"),
    ("/jup/..%5csecret", "400"),
    ("/app.v1/..;/secret", "400"),
    ("/jup/a/../b", "400"),
    ("/x/../jup/y", "400"),
    ("/jup/%252e%252e%252f", "kept /jup/%252e%252e%252f"),
    ("/JUP/a", "root /JUP/a"),
    ("/jupx", "root /jupx"),
    ("/appxv1/", "root /appxv1/"),
)
