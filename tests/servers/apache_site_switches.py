"""The protections of Apache's templates: redirects, access, files and TLS."""

from __future__ import annotations

from servers import (
    plans,
    test_access,
    test_backend_tls,
    test_files,
    test_php,
    test_redirect,
    test_refusals,
    test_targets,
    test_tls,
    test_websocket,
)
from servers.front import Flavour
from servers.switches import Switch

SECURE = Flavour(server="apache", scheme="https")
SECURE_REWRITE = Flavour(server="apache", scheme="https", websocket="rewrite")

_PROXY = "partials/proxy.conf.j2"
_REDIRECT = "partials/redirect.conf.j2"
_ACCESS = "partials/access.conf.j2"
_CHALLENGE = "partials/challenge.conf.j2"
_FILES = "partials/files.conf.j2"
_PHP = "partials/php.conf.j2"
_TLS = "partials/tls.conf.j2"
_BACKEND_TLS = "partials/backend_tls.conf.j2"

_exact = test_targets.test_a_target_arrives_byte_for_byte
_redirected = test_redirect.test_a_site_without_aliases_redirects_as_exactly
_aliases = test_redirect.test_an_alias_is_redirected_to_itself
_token_on_http = test_redirect.test_a_token_of_the_certificate_authority_is_served_on_http
_token_on_https = test_redirect.test_a_token_of_the_certificate_authority_is_served_on_https
_kept_out = test_backend_tls.test_an_app_with_another_certificate_than_the_pinned_one_is_not_let_in
_elsewhere = test_refusals.test_everything_is_sent_elsewhere_byte_for_byte
_hsts_once = test_tls.test_hsts_is_sent_once_even_if_the_app_sends_its_own

_REDIRECT_SWITCHES = (
    Switch(_REDIRECT, "AllowEncodedSlashes NoDecode", plans.root, _redirected),
    Switch(_REDIRECT, '"!^/\\.well-known/acme-challenge/"', plans.root, _token_on_http),
    Switch(_REDIRECT, '"%{THE_REQUEST}" "^[A-Z]+', plans.root, _redirected),
    Switch(_REDIRECT, "{{ site.fallback_host }}", plans.root, _redirected),
    Switch(_REDIRECT, ",NE,END]", plans.root, _redirected, ",END]"),
    Switch(_REDIRECT, "%{HTTP_HOST} %{THE_REQUEST}", plans.names, _aliases),
    Switch(_REDIRECT, "https://%1", plans.names, _aliases),
    Switch(_REDIRECT, '" [NC]', plans.names, _aliases, '"'),
    Switch(_REDIRECT, '{% include "partials/challenge.conf.j2" %}', plans.root, _token_on_http),
    Switch(
        "proxy.conf.j2", '{% include "partials/challenge.conf.j2" %}', plans.root, _token_on_https
    ),
    Switch(_CHALLENGE, "Require all granted", plans.root, _token_on_http),
    Switch(_CHALLENGE, "Alias ", plans.root, _token_on_http),
    Switch(_CHALLENGE, "ForceType", plans.root, _token_on_http),
    Switch("redirect.conf.j2", "AllowEncodedSlashes NoDecode", plans.elsewhere, _elsewhere),
    Switch("redirect.conf.j2", "%{THE_REQUEST}", plans.elsewhere, _elsewhere),
    Switch("redirect.conf.j2", ",NE,END]", plans.elsewhere, _elsewhere, ",END]"),
    Switch("redirect.conf.j2", "{{ site.redirect_to }}", plans.elsewhere, _elsewhere),
    Switch(
        "redirect.conf.j2",
        '"!^/\\.well-known/acme-challenge/"',
        plans.elsewhere,
        test_refusals.test_the_certificate_authority_is_not_sent_elsewhere,
    ),
    Switch(
        "refuse.conf.j2",
        "Require all denied",
        plans.beside_a_catch_all,
        test_refusals.test_a_host_that_nobody_declared_is_refused_on_http,
        "Require all granted",
    ),
    Switch(
        "refuse.conf.j2",
        "Require all denied",
        plans.beside_a_catch_all,
        test_refusals.test_a_name_that_nobody_declared_is_refused_in_the_handshake_or_after,
        "Require all granted",
    ),
)

_ACCESS_SWITCHES = (
    Switch(
        _ACCESS,
        "Require valid-user",
        plans.known_users,
        test_access.test_without_a_password_there_is_nothing_to_see,
        "Require all granted",
    ),
    Switch(
        _ACCESS,
        'Require ip {{ site.allow | join(" ") }}',
        plans.known_addresses,
        test_access.test_other_addresses_are_refused,
        "Require all granted",
    ),
    Switch(
        _ACCESS,
        "RequireAll>",
        plans.known_both,
        test_access.test_where_both_are_asked_for_one_is_not_enough,
        "RequireAny>",
    ),
    Switch(
        _ACCESS,
        "        Require all granted",
        plans.known_both,
        test_access.test_the_certificate_authority_needs_no_password,
    ),
)

_FILE_SWITCHES = (
    Switch(
        _FILES,
        "RedirectMatch 404",
        plans.files,
        test_files.test_names_that_begin_with_a_dot_stay_hidden,
    ),
    Switch(
        _FILES,
        "AllowEncodedSlashes NoDecode",
        plans.php,
        test_php.test_what_is_no_file_is_the_front_controllers,
    ),
    Switch(
        _FILES,
        "FallbackResource",
        plans.php,
        test_php.test_what_is_no_file_is_the_front_controllers,
    ),
    Switch(
        _FILES,
        "SetEnv proxy-sendcl 1",
        plans.php,
        test_php.test_a_script_reads_a_body_of_unknown_length,
    ),
    Switch(
        _FILES,
        '{% include "partials/forged.conf.j2" %}',
        plans.php,
        test_php.test_no_header_with_an_underscore_reaches_a_script,
    ),
    Switch(
        _FILES,
        '{% include "partials/limit.conf.j2" %}',
        plans.limited_php,
        test_php.test_the_limit_holds_for_scripts,
    ),
    Switch(
        _FILES,
        "[R=404,L]",
        plans.php,
        test_php.test_a_script_that_is_not_there_is_not_asked_for,
        "[L]",
    ),
    Switch(
        _PHP,
        "CGIPassAuth On",
        plans.php,
        test_php.test_a_script_is_told_the_password_that_is_meant_for_it,
    ),
    Switch(
        _FILES, "Require all granted", plans.files, test_files.test_files_are_served_as_they_are
    ),
    Switch(_FILES, "AllowOverride None", plans.files, test_files.test_files_are_served_as_they_are),
    Switch(_PHP, "SetHandler", plans.php, test_php.test_a_script_runs),
)

_TLS_SWITCHES = (
    Switch(_TLS, "SSLProtocol", plans.trusted, test_tls.test_modern_takes_nothing_before_tls_1_3),
    Switch(
        _TLS, "SSLCipherSuite", plans.root, test_tls.test_only_the_guidelines_ciphers_are_accepted
    ),
    Switch(
        _TLS,
        "{{ tls.prefer_server_order }}",
        plans.root,
        test_tls.test_the_client_chooses_among_good_ciphers,
        "on",
    ),
    Switch(
        _TLS,
        "SSLSessionTickets",
        plans.root,
        test_tls.test_no_session_is_put_into_the_hands_of_the_client,
    ),
    Switch(_TLS, "Curves", plans.root, test_tls.test_only_the_guidelines_groups_are_accepted),
    Switch(_TLS, "h2 http/1.1", plans.root, test_tls.test_both_versions_of_http_are_offered),
    Switch(_TLS, "Header unset Strict-Transport-Security", plans.trusted, _hsts_once),
    Switch(_TLS, "Header always set Strict-Transport-Security", plans.trusted, _hsts_once),
    Switch(_PROXY, "SSLProxyEngine on", plans.root, _exact, flavour=SECURE),
    Switch(
        _PROXY,
        "https|wss",
        plans.mounts,
        test_websocket.test_each_path_has_its_own_websockets,
        "https",
        SECURE_REWRITE,
    ),
    Switch(_BACKEND_TLS, '"require"', plans.mispinned, _kept_out, '"none"', SECURE),
    Switch(_BACKEND_TLS, '"require"', plans.mispinned, _kept_out, '"none"', SECURE_REWRITE),
    Switch(
        _BACKEND_TLS,
        '"require"',
        plans.mispinned_both,
        test_backend_tls.test_two_apps_with_each_others_pins_are_not_let_in,
        '"none"',
        SECURE_REWRITE,
    ),
    Switch(_BACKEND_TLS, "SSLProxyCACertificateFile", plans.root, _exact, flavour=SECURE),
    Switch(_BACKEND_TLS, "SSLProxyCheckPeerName off", plans.root, _exact, flavour=SECURE),
    Switch(
        _BACKEND_TLS,
        "SSLProxyCheckPeerExpire off",
        plans.careless,
        test_backend_tls.test_an_app_that_is_not_verified_may_show_what_it_likes,
        flavour=SECURE,
    ),
    Switch(
        _BACKEND_TLS,
        "SSLProxyVerifyDepth",
        plans.vouched,
        test_backend_tls.test_an_app_that_an_authority_vouches_for_is_let_in,
        flavour=SECURE,
    ),
)

SITE_SWITCHES = (*_REDIRECT_SWITCHES, *_ACCESS_SWITCHES, *_FILE_SWITCHES, *_TLS_SWITCHES)
