"""Templates of one's own: what is wrong in them is shown with file and line, and whose they are."""

from __future__ import annotations

import os

import pytest

from trial.desk import Desk

MARK = "{# vhostsmith-templates: 1 #}\n"
SITE = ("render", "a.example.com", "http://127.0.0.1:1")

FAULTS = {
    "{{ site.nope }}": "'dict object' has no attribute 'nope'",
    "{{ nope }}": "'nope' is undefined",
    "{{ site.name": "the template cannot be read: unexpected",
    "{% if %}": "the template cannot be read: Expected an expression",
    "{% for %}": "the template cannot be read: ",
    "{% endif %}": "the template cannot be read: Encountered unknown tag",
    "{{ site.name | nope }}": "the template cannot be read: No filter named 'nope'",
    "{{ can('nope') }}": "has no capability 'nope'",
    '{{ "".__class__.__mro__ }}': "is unsafe",
    '{% include "nope.conf.j2" %}': "the template nope.conf.j2 is nowhere to be found",
    '{% include "proxy.conf.j2" %}': "the template cannot be followed: maximum recursion",
    "{{ 1 / 0 }}": "the template cannot be followed: division by zero",
    "{{ site.name + 1 }}": "the template cannot be followed: ",
    "{% for n in range(10 ** 9) %}{% endfor %}": "the template cannot be followed: Range too big",
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.items(), ids=FAULTS)
def test_a_fault_is_shown_with_file_and_line_and_nothing_is_printed(
    desk: Desk, fault: str, said: str
) -> None:
    kind = "nginx" if "site" in fault else "apache"
    path = desk.write(f"config/templates/{kind}/proxy.conf.j2", f"{MARK}# fine\n{fault}\n")
    output = desk.path("site.conf")
    done = desk.run(*SITE, "--server", kind, "-o", output)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"vhostsmith: {path}:3: "), done.stderr
    assert said in done.stderr
    assert not os.path.exists(output)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{# vhostsmith-templates: 2 #}\n", "written for templates of format 2"),
        ("# no mark\n", "the first line is not a template's mark"),
        ("", "the first line is not a template's mark"),
    ],
)
def test_a_template_of_another_format_is_refused(desk: Desk, text: str, said: str) -> None:
    path = desk.write("config/templates/nginx/partials/tls.conf.j2", text)
    done = desk.run(*SITE, "--server", "nginx")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"vhostsmith: {path}:1: {said}")


def test_a_template_that_is_no_text_is_refused(desk: Desk) -> None:
    path = desk.write("config/templates/nginx/proxy.conf.j2", MARK.encode() + b"\xff\xfe")
    done = desk.run(*SITE, "--server", "nginx")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"vhostsmith: {path}: cannot read the template: ")


def test_a_template_of_ones_own_counts(either: Desk) -> None:
    either.write("config/templates/nginx/proxy.conf.j2", MARK + "# {{ site.name }} is mine\n")
    done = either.run(*SITE, "--server", "nginx")
    assert done.stdout == "# a.example.com is mine\n"


# As root, instructions come from root alone


@pytest.mark.needs("root")
@pytest.mark.parametrize("which", ["config", "config/templates", "config/templates/nginx"])
@pytest.mark.parametrize("how", ["group", "others", "owner"])
def test_root_refuses_templates_that_somebody_else_can_change(
    desk: Desk, which: str, how: str
) -> None:
    desk.write("config/templates/nginx/proxy.conf.j2", MARK + "# fine\n")
    loosened = desk.path(which)
    loosen(loosened, how)
    assert_refused(desk, (*SITE, "--server", "nginx"), loosened)


@pytest.mark.needs("root")
@pytest.mark.parametrize("how", ["group", "others", "owner"])
def test_root_refuses_a_template_file_that_somebody_else_can_change(desk: Desk, how: str) -> None:
    path = desk.write("config/templates/nginx/proxy.conf.j2", MARK + "# fine\n")
    loosen(path, how)
    assert_refused(desk, (*SITE, "--server", "nginx"), path)


@pytest.mark.needs("root")
def test_root_refuses_a_template_that_is_a_link_to_somebody_elses(desk: Desk) -> None:
    path = desk.write("foreign", MARK + "# fine\n")
    loosen(path, "owner")
    desk.write("config/templates/nginx/other.conf.j2", MARK)
    os.symlink(path, desk.path("config/templates/nginx/proxy.conf.j2"))
    assert_refused(desk, (*SITE, "--server", "nginx"), path)


@pytest.mark.needs("root")
@pytest.mark.parametrize("which", ["config/sites", "config/sites/a.example.com.toml"])
@pytest.mark.parametrize("how", ["others", "owner"])
def test_root_refuses_a_site_file_that_somebody_else_can_change(
    desk: Desk, which: str, how: str
) -> None:
    desk.write("config/sites/a.example.com.toml", 'format = 1\nredirect = "https://a.test"\n')
    assert desk.run("render", "a.example.com").returncode == 0
    loosen(desk.path(which), how)
    assert_refused(desk, ("render", "a.example.com"), desk.path(which))


@pytest.mark.needs("root")
def test_root_takes_templates_below_a_sticky_directory(desk: Desk) -> None:
    desk.write("config/templates/nginx/proxy.conf.j2", MARK + "# fine\n")
    os.chmod(desk.directory, 0o1777)
    assert desk.run(*SITE, "--server", "nginx").stdout == "# fine\n"


def test_others_read_whatever_they_like(nobody: Desk) -> None:
    nobody.write("config/templates/nginx/proxy.conf.j2", MARK + "# fine\n")
    os.chmod(nobody.config, 0o777)
    assert nobody.run(*SITE, "--server", "nginx").stdout == "# fine\n"


def loosen(path: str, how: str) -> None:
    mode = os.stat(path).st_mode & 0o777
    if how == "owner":
        os.chown(path, 65534, -1)
    else:
        os.chmod(path, mode | {"group": 0o020, "others": 0o002}[how])


def assert_refused(desk: Desk, arguments: tuple[str, ...], where: str) -> None:
    done = desk.run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"vhostsmith: {where}: as root, instructions are read only from where nobody else can"
        f" change them\n  chown root: {where} && chmod go-w {where}\n"
    )
