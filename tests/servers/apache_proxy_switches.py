"""The protections of Apache's templates: headers, targets and paths."""

from __future__ import annotations

from servers import (
    plans,
    test_access,
    test_connections,
    test_headers,
    test_limits,
    test_locations,
    test_mounts,
    test_php,
    test_redirect,
    test_streaming,
    test_targets,
    test_websocket,
)
from servers.front import Flavour
from servers.switches import Switch

REWRITE = Flavour(server="apache", websocket="rewrite")

_HEADERS = "partials/headers.conf.j2"
_FORWARDED = "partials/forwarded.conf.j2"
_FORGED = "partials/forged.conf.j2"
_PROXY = "partials/proxy.conf.j2"
_MOUNTS = "partials/mounts.conf.j2"
_REWRITES = "partials/rewrites.conf.j2"
_WEBSOCKET = "partials/websocket.conf.j2"
_LIMIT = "partials/limit.conf.j2"

_forged = test_headers.test_no_forged_header_reaches_the_app
_https = test_headers.test_the_app_is_told_that_the_client_speaks_https
_exact = test_targets.test_a_target_arrives_byte_for_byte
_exact_websocket = test_targets.test_a_websocket_target_arrives_byte_for_byte
_token_on_https = test_redirect.test_a_token_of_the_certificate_authority_is_served_on_https
_confined = test_mounts.test_no_spelling_of_two_dots_leads_out_of_a_path
_stripped = test_locations.test_redirects_of_an_app_at_a_stripped_path_lead_back_to_it
_at_root = test_locations.test_redirects_of_an_app_at_the_root_stay_on_https
_underscores = test_headers.test_no_header_with_an_underscore_is_taken_for_a_true_one
_body_limit = test_limits.test_a_larger_body_is_refused_and_reaches_nobody
_counted = (
    test_limits.test_a_body_that_does_not_say_its_length_is_refused_by_apache_and_counted_by_nginx
)

_HEADER_SWITCHES = (
    Switch(_HEADERS, "RequestHeader unset Proxy early", plans.root, _forged),
    Switch(_HEADERS, "RequestHeader unset Forwarded", plans.root, _forged),
    Switch(_HEADERS, "RequestHeader unset {{ name }}", plans.root, _forged),
    Switch(
        _HEADERS,
        "RequestHeader unset {{ name }}",
        plans.known_users,
        test_access.test_the_password_is_not_passed_on,
    ),
    Switch(
        _HEADERS,
        "RequestHeader unset Connection",
        plans.root,
        test_headers.test_nobody_can_have_the_true_headers_dropped_by_naming_them_in_connection,
    ),
    Switch(_FORWARDED, "RequestHeader set X-Forwarded-Proto", plans.root, _https),
    Switch(_FORWARDED, "RequestHeader set X-Forwarded-Port", plans.root, _https),
    Switch(_FORWARDED, "RequestHeader set X-Scheme", plans.root, _https),
    Switch(
        _FORWARDED,
        "RequestHeader set X-Real-IP",
        plans.root,
        test_headers.test_the_app_is_told_the_clients_address,
    ),
    Switch(
        _MOUNTS,
        "RequestHeader set X-Forwarded-Prefix",
        plans.mounts,
        test_headers.test_only_a_stripped_path_is_told_to_the_app,
    ),
    Switch(_FORGED, "SetEnvIf", plans.root, _underscores),
    Switch(_FORGED, "(?i)", plans.root, _underscores, ""),
    Switch(_FORGED, "[R=400,L]", plans.root, _underscores, "[L]"),
    Switch(
        "docroot.conf.j2",
        '{% include "partials/headers.conf.j2" %}',
        plans.php,
        test_php.test_no_forged_header_reaches_a_script,
    ),
)

_PROXY_SWITCHES = (
    Switch(
        _PROXY,
        "ProxyRequests Off",
        plans.root,
        test_targets.test_nobody_is_proxied_to_where_they_please,
        "ProxyRequests On",
    ),
    Switch(
        _PROXY,
        "ProxyPreserveHost On",
        plans.root,
        test_headers.test_the_app_is_told_the_public_name_with_its_port,
    ),
    Switch(
        _PROXY,
        "ProxyTimeout",
        plans.limits,
        test_streaming.test_an_app_is_waited_for_as_long_as_was_asked_for,
    ),
    Switch(_PROXY, "AllowEncodedSlashes NoDecode", plans.root, _exact),
    Switch(_PROXY, " nocanon", plans.root, _exact, ""),
    Switch(_PROXY, " upgrade=websocket", plans.root, test_websocket.test_a_websocket_echoes, ""),
    Switch(_PROXY, " ttl=4", plans.root, test_connections.assert_given_up_in_time, ""),
    Switch(_PROXY, "{{ site.challenge_path | quote }} !", plans.root, _token_on_https),
    Switch(_PROXY, "{{ route.reverse_url | quote }}", plans.mounts, _at_root),
    Switch(_PROXY, "{{ url | quote }}", plans.mounts, _at_root),
    Switch(_MOUNTS, "Header edit Location", plans.mounts, _stripped),
    Switch(
        _MOUNTS,
        "Header edit Set-Cookie",
        plans.mounts,
        test_locations.test_cookies_of_a_stripped_path_come_back_to_it,
    ),
    Switch(
        "proxy.conf.j2",
        "MaxKeepAliveRequests",
        plans.root,
        test_connections.test_many_requests_share_one_connection,
    ),
    Switch(_LIMIT, "[R=411,L]", plans.limits, _counted, "[L]"),
    Switch(_LIMIT, "[R=413,L]", plans.limits, _body_limit, "[L]"),
    Switch(
        _LIMIT,
        'expr "%{HTTP:Content-Length} -gt {{ site.max_body }}"',
        plans.limits,
        test_limits.test_a_length_beyond_32_bits_is_refused_unsent,
        '"%{HTTP:Content-Length}" "-gt{{ site.max_body }}"',
    ),
)

_PATH_SWITCHES = (
    Switch(_REWRITES, "[R=400,L]", plans.mounts, _confined, "[L]"),
    Switch(_REWRITES, '|%3b)" [NC]', plans.mounts, _confined, '|%3b)"'),
    Switch(
        _REWRITES,
        "[R=400,L]",
        plans.based,
        test_mounts.test_nothing_leads_out_of_the_base_path,
        "[L]",
    ),
    Switch(
        _REWRITES,
        '"%{THE_REQUEST}" "^[^ ]+ [^ ?]*',
        plans.mounts,
        test_mounts.test_a_kept_path_arrives_byte_for_byte,
    ),
    Switch(
        _REWRITES,
        "[R=308,L]",
        plans.mounts,
        test_mounts.test_a_path_without_its_slash_is_sent_to_it,
        "[L]",
    ),
    Switch(
        _REWRITES,
        "[R=404,L]",
        plans.lone,
        test_mounts.test_without_a_root_route_other_paths_are_nobodys,
        "[L]",
    ),
    Switch(
        _REWRITES,
        'acme-challenge/" "-" [L]',
        plans.known_users,
        test_access.test_no_way_leads_through_the_challenge_to_an_app,
        flavour=REWRITE,
    ),
    Switch(
        _WEBSOCKET, "[P,L,NE]", plans.root, test_websocket.test_a_websocket_echoes, flavour=REWRITE
    ),
    Switch(_WEBSOCKET, "[P,L,NE]", plans.root, _exact_websocket, "[P,L]", REWRITE),
    Switch(
        _WEBSOCKET,
        '"=websocket" [NC]',
        plans.root,
        test_websocket.test_an_upgrade_is_recognised_in_any_case,
        '"=websocket"',
        REWRITE,
    ),
    Switch(_WEBSOCKET, "%{THE_REQUEST}", plans.root, _exact_websocket, flavour=REWRITE),
)

PROXY_SWITCHES = (*_HEADER_SWITCHES, *_PROXY_SWITCHES, *_PATH_SWITCHES)
