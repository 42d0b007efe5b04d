"""The protections of nginx's templates."""

from __future__ import annotations

from servers import (
    plans,
    test_access,
    test_backend_tls,
    test_connections,
    test_files,
    test_headers,
    test_limits,
    test_locations,
    test_mounts,
    test_php,
    test_redirect,
    test_refusals,
    test_streaming,
    test_targets,
    test_tls,
    test_websocket,
)
from servers.front import Flavour
from servers.switches import Switch

SECURE = Flavour(server="nginx", scheme="https")
OFF = Flavour(server="nginx", websocket="off")

_HEADERS = "partials/headers.conf.j2"
_WEBSOCKET = "partials/websocket.conf.j2"
_UPSTREAM = "partials/upstream.conf.j2"
_PROXY = "partials/proxy.conf.j2"
_REDIRECT = "partials/redirect.conf.j2"
_REDIRECT_HOST = "partials/redirect_host.conf.j2"
_ACCESS = "partials/access.conf.j2"
_CHALLENGE = "partials/challenge.conf.j2"
_FILES = "partials/files.conf.j2"
_PHP = "partials/php.conf.j2"
_TLS = "partials/tls.conf.j2"
_LISTEN = "partials/listen.conf.j2"
_BACKEND_TLS = "partials/backend_tls.conf.j2"

_forged = test_headers.test_no_forged_header_reaches_the_app
_https = test_headers.test_the_app_is_told_that_the_client_speaks_https
_public_name = test_headers.test_the_app_is_told_the_public_name_with_its_port
_address = test_headers.test_the_app_is_told_the_clients_address
_exact = test_targets.test_a_target_arrives_byte_for_byte
_echoes = test_websocket.test_a_websocket_echoes
_kept = test_connections.test_connections_to_the_app_are_kept
_many = test_connections.test_many_requests_share_one_connection
_redirected = test_redirect.test_a_site_without_aliases_redirects_as_exactly
_token_on_http = test_redirect.test_a_token_of_the_certificate_authority_is_served_on_http
_token_on_https = test_redirect.test_a_token_of_the_certificate_authority_is_served_on_https
_table = test_mounts.test_where_the_servers_agree_they_do_as_the_table_says
_based = test_mounts.test_nothing_leads_out_of_the_base_path
_at_root = test_locations.test_redirects_of_an_app_at_the_root_stay_on_https
_stripped = test_locations.test_redirects_of_an_app_at_a_stripped_path_lead_back_to_it
_large_headers = test_streaming.test_an_answer_with_large_headers_arrives
_hsts_once = test_tls.test_hsts_is_sent_once_even_if_the_app_sends_its_own
_passwords = test_access.test_without_a_password_there_is_nothing_to_see
_exempt = test_access.test_the_certificate_authority_needs_no_password
_scripts = test_php.test_no_forged_header_reaches_a_script

_HEADER_SWITCHES = (
    Switch(_HEADERS, "proxy_set_header Host ", plans.root, _public_name),
    Switch(_HEADERS, "proxy_set_header X-Real-IP ", plans.root, _address),
    Switch(_HEADERS, "proxy_set_header X-Forwarded-For ", plans.root, _address),
    Switch(_HEADERS, "proxy_set_header X-Forwarded-Proto ", plans.root, _https),
    Switch(_HEADERS, "proxy_set_header X-Forwarded-Host ", plans.root, _public_name),
    Switch(_HEADERS, "proxy_set_header X-Forwarded-Port ", plans.root, _https),
    Switch(_HEADERS, "proxy_set_header X-Scheme ", plans.root, _https),
    Switch(
        _HEADERS,
        "proxy_set_header X-Forwarded-Prefix ",
        plans.mounts,
        test_headers.test_only_a_stripped_path_is_told_to_the_app,
    ),
    Switch(_HEADERS, 'proxy_set_header {{ "%-18s" | format(name) }}', plans.root, _forged),
    Switch(
        _HEADERS,
        'proxy_set_header {{ "%-18s" | format(name) }}',
        plans.known_users,
        test_access.test_the_password_is_not_passed_on,
    ),
    Switch(_WEBSOCKET, "proxy_set_header Upgrade ", plans.root, _echoes),
    Switch(
        _WEBSOCKET,
        "proxy_set_header Connection         $vs_{{ site.id }}_connection",
        plans.root,
        _echoes,
    ),
    Switch(_WEBSOCKET, 'proxy_set_header Connection         "";', plans.root, _kept, flavour=OFF),
    Switch(_PHP, "fastcgi_param {{", plans.php, _scripts),
    Switch(
        _PHP, "fastcgi_param HTTPS", plans.php, test_php.test_a_script_is_told_how_it_was_asked_for
    ),
)

_PROXY_SWITCHES = (
    Switch(_UPSTREAM, "default         '';", plans.root, _kept, "default close;"),
    Switch(
        _UPSTREAM,
        '"~*^websocket$"',
        plans.root,
        test_websocket.test_nothing_but_a_websocket_can_be_switched_to,
        '"~."',
    ),
    Switch(_UPSTREAM, "keepalive 32;", plans.root, _kept),
    Switch(_UPSTREAM, "keepalive_requests", plans.root, _many),
    Switch(_UPSTREAM, "keepalive_timeout", plans.root, test_connections.assert_given_up_in_time),
    Switch("proxy.conf.j2", "keepalive_requests", plans.root, _many),
    Switch(
        "proxy.conf.j2",
        "client_max_body_size",
        plans.root,
        test_streaming.test_a_large_upload_arrives,
    ),
    Switch(
        "proxy.conf.j2",
        "client_max_body_size",
        plans.limits,
        test_limits.test_a_larger_body_is_refused_and_reaches_nobody,
    ),
    Switch(_PROXY, "{{ route.url }}", plans.root, _exact, "{{ route.url }}/"),
    Switch(_PROXY, "proxy_http_version", plans.root, _kept),
    Switch(
        _PROXY,
        "proxy_buffering ",
        plans.root,
        test_streaming.assert_events_one_by_one,
    ),
    Switch(
        _PROXY,
        "proxy_request_buffering",
        plans.root,
        test_streaming.test_an_upload_reaches_the_app_while_it_is_sent,
    ),
    Switch(_PROXY, "proxy_buffer_size", plans.root, _large_headers),
    Switch(
        _PROXY,
        "proxy_read_timeout",
        plans.limits,
        test_streaming.test_an_app_is_waited_for_as_long_as_was_asked_for,
    ),
    Switch(_PROXY, "{{ route.reverse_url }}", plans.mounts, _at_root),
    Switch(_PROXY, "http://{{ site.host_variable }}", plans.mounts, _at_root),
    Switch(_PROXY, "{{ route.moved_path }}", plans.mounts, _stripped),
    Switch(_PROXY, "{{ route.path | regex }}(.*)$", plans.mounts, _stripped),
    Switch(
        _PROXY,
        "proxy_cookie_path",
        plans.mounts,
        test_locations.test_cookies_of_a_stripped_path_come_back_to_it,
    ),
)

_PATH_SWITCHES = (
    Switch(_UPSTREAM, "(?:[.]|%2e){2}", plans.mounts, _table),
    Switch(_UPSTREAM, "(?:[.]|%2e){2}", plans.based, _based),
    Switch(_UPSTREAM, '"~*', plans.based, _based, '"~'),
    Switch(
        _UPSTREAM,
        'default "";',
        plans.mounts,
        test_mounts.test_where_the_servers_differ_they_do_as_the_table_says,
        "default $request_uri;",
    ),
    Switch(_PROXY, "return 400;", plans.mounts, _table),
    Switch(
        _PROXY, "return 308", plans.mounts, test_mounts.test_a_path_without_its_slash_is_sent_to_it
    ),
    Switch(
        "proxy.conf.j2",
        "return 404;",
        plans.lone,
        test_mounts.test_without_a_root_route_other_paths_are_nobodys,
    ),
)

_REDIRECT_SWITCHES = (
    Switch(_REDIRECT, "return {{ site.redirect_status }}", plans.root, _redirected),
    Switch(_REDIRECT, "$request_uri", plans.root, _redirected, "$uri$is_args$args"),
    Switch(_REDIRECT, '{% include "partials/challenge.conf.j2" %}', plans.root, _token_on_http),
    Switch(
        _REDIRECT_HOST,
        "{{ name }} $host;",
        plans.names,
        test_redirect.test_an_alias_is_redirected_to_itself,
    ),
    Switch(
        _REDIRECT_HOST,
        "{{ site.fallback_host }}",
        plans.names,
        test_redirect.test_a_name_that_nobody_declared_is_not_repeated_beside_aliases,
        "$host",
    ),
    Switch(
        "proxy.conf.j2", '{% include "partials/challenge.conf.j2" %}', plans.root, _token_on_https
    ),
    Switch(_CHALLENGE, "root {{", plans.root, _token_on_http),
    Switch(_CHALLENGE, "default_type", plans.root, _token_on_http),
    Switch(
        "redirect.conf.j2",
        "$request_uri",
        plans.elsewhere,
        test_refusals.test_everything_is_sent_elsewhere_byte_for_byte,
        "$uri$is_args$args",
    ),
    Switch(
        "redirect.conf.j2",
        '{% include "partials/challenge.conf.j2" %}',
        plans.elsewhere,
        test_refusals.test_the_certificate_authority_is_not_sent_elsewhere,
    ),
    Switch(
        "refuse.conf.j2",
        "return 444;",
        plans.beside_a_catch_all,
        test_refusals.test_a_host_that_nobody_declared_is_refused_on_http,
        "return 200;",
    ),
    Switch(
        "refuse.conf.j2",
        "ssl_reject_handshake on;",
        plans.beside_a_catch_all,
        test_refusals.test_strangers_are_not_shown_the_sites_certificate,
        "ssl_certificate {{ site.certificate | quote }};"
        "ssl_certificate_key {{ site.key | quote }};",
    ),
)

_ACCESS_SWITCHES = (
    Switch(
        _ACCESS,
        "allow {{ network }};",
        plans.known_addresses,
        test_access.test_known_addresses_are_let_in,
    ),
    Switch(_ACCESS, "auth_basic {{", plans.known_users, _passwords),
    Switch(
        _ACCESS, "deny all;", plans.known_addresses, test_access.test_other_addresses_are_refused
    ),
    Switch(
        _ACCESS,
        "deny all;",
        plans.known_both,
        test_access.test_where_both_are_asked_for_one_is_not_enough,
        "deny all;\n    satisfy any;",
    ),
    Switch(_CHALLENGE, "allow all;", plans.known_both, _exempt),
    Switch(_CHALLENGE, "auth_basic off;", plans.known_both, _exempt),
)

_FILE_SWITCHES = (
    Switch(
        _FILES, "return 404;", plans.files, test_files.test_names_that_begin_with_a_dot_stay_hidden
    ),
    Switch(_FILES, "try_files", plans.php, test_php.test_what_is_no_file_is_the_front_controllers),
    Switch(
        _PHP,
        "try_files $uri =404;",
        plans.php,
        test_php.test_a_script_that_is_not_there_is_not_asked_for,
    ),
    Switch(
        "docroot.conf.j2",
        "client_max_body_size",
        plans.limited_php,
        test_php.test_the_limit_holds_for_scripts,
    ),
)

_TLS_SWITCHES = (
    Switch(_TLS, "ssl_protocols", plans.trusted, test_tls.test_modern_takes_nothing_before_tls_1_3),
    Switch(
        _TLS, "ssl_ciphers ", plans.root, test_tls.test_only_the_guidelines_ciphers_are_accepted
    ),
    Switch(
        _TLS,
        "{{ tls.prefer_server_order }}",
        plans.root,
        test_tls.test_the_client_chooses_among_good_ciphers,
        "on",
    ),
    Switch(
        _TLS, "ssl_ecdh_curve", plans.root, test_tls.test_only_the_guidelines_groups_are_accepted
    ),
    Switch(_TLS, "ssl_session_cache", plans.names, test_tls.test_a_session_is_resumed),
    Switch(
        _TLS,
        "ssl_session_tickets",
        plans.root,
        test_tls.test_no_session_is_put_into_the_hands_of_the_client,
    ),
    Switch(_TLS, "add_header Strict-Transport-Security", plans.trusted, _hsts_once),
    Switch(_TLS, "proxy_hide_header", plans.trusted, _hsts_once),
    Switch(
        _TLS,
        "fastcgi_hide_header",
        plans.php,
        test_php.test_hsts_is_sent_once_even_if_a_script_sends_its_own,
    ),
    Switch(
        _TLS,
        " always;",
        plans.trusted,
        test_tls.test_hsts_is_sent_exactly_once_with_every_answer,
        ";",
    ),
    Switch(_LISTEN, '" http2"', plans.root, test_tls.test_both_versions_of_http_are_offered, '""'),
    Switch(
        _BACKEND_TLS,
        '"on" if',
        plans.mispinned,
        test_backend_tls.test_an_app_with_another_certificate_than_the_pinned_one_is_not_let_in,
        '"off" if',
        SECURE,
    ),
    Switch(
        _BACKEND_TLS,
        "proxy_ssl_verify_depth",
        plans.vouched,
        test_backend_tls.test_an_app_that_an_authority_vouches_for_is_let_in,
        flavour=SECURE,
    ),
    Switch(_BACKEND_TLS, "proxy_ssl_name", plans.root, _exact, flavour=SECURE),
    Switch(
        _BACKEND_TLS,
        "proxy_ssl_server_name",
        plans.vouched,
        test_backend_tls.test_an_app_is_asked_for_by_a_name,
        flavour=SECURE,
    ),
)

NGINX = (
    *_HEADER_SWITCHES,
    *_PROXY_SWITCHES,
    *_PATH_SWITCHES,
    *_REDIRECT_SWITCHES,
    *_ACCESS_SWITCHES,
    *_FILE_SWITCHES,
    *_TLS_SWITCHES,
)
